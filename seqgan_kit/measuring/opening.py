"""The bench of a recipe, or of runs on the same data."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.dataset import PartName
from ..recipe import Recipe
from ..runs import data as data_of
from ..runs.loading import run_recipe
from ..runs.watch import Watch
from ..training.run import Run, RunError
from ..training.runtime import choose_device
from .bench import Bench


def bench_of(
    recipe: Recipe,
    *,
    device: str = "auto",
    watch: Watch | None = None,
    samples: int | None = None,
    sets: int | None = None,
    gan_train: bool = True,
    part: PartName = "test",
) -> Bench:
    """Load the data of a recipe and return the bench for all models of these data.

    Args:
        recipe: names the data, and says how to measure.
        device: device of judge and generator.
        watch: callbacks for progress.
        samples: samples per set (default: from the recipe).
        sets: independent sets of samples per run (default: from the recipe).
        gan_train: whether to measure GAN-train.
        part: the part that samples are compared with.
    """
    watch = watch or Watch()
    return Bench(
        recipe,
        data_of.load_dataset(recipe, watch.download),
        device=choose_device(device),
        watch=watch,
        samples=samples,
        sets=sets,
        gan_train=gan_train,
        part=part,
    )


def same_data_for_all(runs: Sequence[Run]) -> Recipe:
    """Return the recipe of the first run, which says how all runs are measured.

    Raises:
        RunError: the runs were trained on different data, or one has no checkpoint.
    """
    first = runs[0]
    for run in runs:
        run.checkpoint()
        data_of.kind_of_run(run)  # Before anything is measured: it may not be installed.
        if run.info["data"]["fingerprint"] != first.info["data"]["fingerprint"]:
            names = [f"{r.path} ({r.info['data']['name']})" for r in (first, run)]
            raise RunError(
                f"{names[0]} and {names[1]} were trained on different data, labels or parts, so "
                "their metrics are not comparable; evaluate them one by one"
            )
    return run_recipe(first)
