"""Peptides: the data, and the figures of their field."""

import hashlib

import numpy as np
import pytest

from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.packages import extract_zip
from seqgan_kit.data.sources import Source
from seqgan_kit.evaluation.distribution import NotMeasurable
from seqgan_kit.kinds.text.datasets import peptides
from seqgan_kit.kinds.text.peptides import FIGURES, PeptideFigures, described, letters
from seqgan_kit.kinds.text.sources import PEPTIDES, SOURCES
from seqgan_kit.kinds.text.units import unit_items
from seqgan_kit.recipe.files import RecipeError, load

MAGAININ = "GIGKFLHSAKKFGKAFVGEIMNS"
ACID = "DEDEDEDEEDDEDEDDEE"


def items(lines):
    return unit_items(lines, "characters")


def test_the_table_by_activity(tmp_path, monkeypatch):
    rows = ["60,1,UniProt,AMP"]
    rows += [f"{'ACDEFGHIKL'[n % 10] * (n % 7 + 4)}, {n % 2}" for n in range(60)]
    (tmp_path / PEPTIDES).write_text("\n".join(rows))
    digest = hashlib.sha256((tmp_path / PEPTIDES).read_bytes()).hexdigest()
    small = Source("peptides", {PEPTIDES: digest}, licence="-", home="-")
    monkeypatch.setitem(SOURCES, "peptides", small)
    dataset = peptides(root=tmp_path, validation=0.1, test=0.2, seed=0)
    assert dataset.labels == {"activity": ("other", "antimicrobial")}
    lines = {name: set(map(str, part.items[: len(part)])) for name, part in dataset.parts.items()}
    assert not lines["training"] & lines["test"]
    assert sum(map(len, dataset.parts.values())) == 60


def test_what_is_known_of_a_peptide():
    found = described([MAGAININ, ACID])
    # Magainin 2 has four lysines, one glutamic acid, a histidine and an amidated end.
    assert found["charge"][0] == pytest.approx(4, abs=0.4)
    assert found["charge"][1] < -15
    assert found["moment"][0] > found["moment"][1]
    assert found["letters"].sum() == pytest.approx(1)
    assert letters(items([MAGAININ, "AXA"])) == [MAGAININ, "A?A"]


def test_figures_see_what_is_off():
    rng = np.random.default_rng(0)
    real = ["".join(rng.choice(list("AGKLWV"), 20)) for _ in range(60)]
    figures = PeptideFigures(training=items(real[:30]), reference=items(real[30:]))
    alike, off = figures.measure(items(real[:30])), figures.measure(items([ACID] * 10 + ["B"]))
    assert set(alike) == {figure.name for figure in FIGURES}
    assert alike["edits"] == 0 < off["edits"]
    assert (alike["valid"], off["valid"]) == (1, 10 / 11)
    for name in ("charge_distance", "moment_distance", "letters_distance"):
        assert alike[name] < off[name]
    with pytest.raises(DataError, match="no test line consists"):
        PeptideFigures(training=items(real), reference=items(["XX"]))
    with pytest.raises(NotMeasurable, match="letters of amino acids"):
        figures.measure(items(["1"]))


def test_descriptors_need_letters():
    with pytest.raises(RecipeError, match="require units: characters"):
        load("peptides_text", ["evaluation.units=words"])


@pytest.mark.parametrize("name", ["theirs/data.csv", "theirs/../data.csv", "other/data.csv"])
def test_wheels_give_the_files_of_one_folder(tmp_path, name):
    import zipfile

    path = tmp_path / "thing.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "1,2\n")
    found = extract_zip(path, "theirs")
    assert [one.name for one in found.iterdir()] == (
        ["data.csv"] if name[7:] == "data.csv" else []
    )
    assert sorted(one.name for one in tmp_path.iterdir()) == ["thing.whl", "unpacked"]


def test_a_damaged_wheel(tmp_path):
    (tmp_path / "thing.whl").write_bytes(b"PK\x03\x04 and nothing else")
    with pytest.raises(DataError, match="damaged"):
        extract_zip(tmp_path / "thing.whl", "theirs")
