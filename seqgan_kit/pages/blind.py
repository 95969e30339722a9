"""The page of `seqgen report --blind`: can a person tell samples from real items?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from .. import __version__
from ..files import write_text
from ..labels import label_names
from ..measuring.bench import Bench
from ..report.blind import BlindTest, render
from ..runs.loading import run_recipe, same_data
from ..runs.watch import Watch
from ..training.run import Run
from ..training.runtime import choose_device

ITEMS = 20
"""Items of a test: 15 right answers are more than guessing reaches with a chance of .02."""


def blind(
    run: Run,
    path: Path,
    *,
    items: int = ITEMS,
    seed: int = 0,
    device: str = "auto",
    watch: Watch | None = None,
) -> BlindTest:
    """Write a page with real test items and samples with the same labels, mixed.

    Args:
        run: the run.
        path: the page.
        items: number of items, at most twice the test part; an odd one is a sample more.
        seed: seed of the choice, the order and the samples.
        device: device of the generator.
        watch: callbacks for progress.

    Returns:
        The content of the page.

    Raises:
        NotSupported: items of this kind cannot be shown one by one.
        RunError: the run has no checkpoint, or its data have changed.
    """
    recipe = run_recipe(run)
    watch = watch or Watch()
    dataset = same_data(run, recipe, watch)
    bench = Bench(recipe, dataset, device=choose_device(device), watch=watch)
    rng = np.random.default_rng(seed)
    order_N = rng.permutation(len(bench.test))
    # Twice the same item would give it away.
    real_P, like_P = order_N[: items // 2], np.resize(order_N[::-1], items - items // 2)
    sampler = bench.sampler(run, recipe, checkpoint=None)
    asked_NA = bench.label_NA[like_P] if recipe.conditional else np.zeros((len(like_P), 1), int)
    decoded = torch.cat(list(sampler.stream(asked_NA, seed=seed)))
    made = bench.measure.made(decoded, sampler.codec)
    panels = [
        *bench.kind.single(bench, bench.test[torch.from_numpy(real_P)]),
        *bench.kind.single(bench, made),
    ]
    label_NA = bench.label_NA[np.concatenate([real_P, like_P])]
    named = [
        " ".join(label_names(row, bench.dataset.labels)) if recipe.conditional else ""
        for row in label_NA
    ]
    content: BlindTest = {
        "title": run.path.resolve().name,
        "version": __version__,
        "cards": [
            {"panel": panels[place], "label": named[place], "real": place < len(real_P)}
            for place in rng.permutation(len(panels)).tolist()
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render(content))
    return content
