"""A few hundred damaged files; `make fuzz` tries thousands, of more examples, by another seed."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .fuzz.cases import checked, draw
from .fuzz.examples import examples

CASES = 300


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The examples, and a folder for one case after the other."""
    folder = tmp_path_factory.mktemp("fuzz")
    os.environ["SEQGAN_CACHE"] = str(folder / "cache")
    return [checked(one, folder / "case") for one in examples(folder, quick=True)], folder / "case"


@settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,
    database=None,
    # No search for a smaller case: each takes a process.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(choice=st.integers(min_value=0), chance=st.randoms(use_true_random=False))
def test_damaged_files_meet_a_sentence(found, choice, chance):
    made, folder = found
    case = draw(made[choice % len(made)], chance)
    outcome = case.run(folder)
    assert outcome.fault() is None, f"{outcome.fault()}: {case}\n{outcome.said}"
