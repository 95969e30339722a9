"""How well a discriminator that is to correct its generator knows unseen sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..evaluation.figures import Value
from ..evaluation.ratios import ratio_figures
from ..recipe import Recipe
from ..runs.judging import sequence_logits
from ..runs.sampler import Sampler, set_seed
from ..training.run import Run

if TYPE_CHECKING:
    from .bench import Bench


def critic_figures(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> Mapping[str, Value]:
    """Measure the discriminator of a run with ``objective.kind: ratio`` on the test part.

    Real test items stand beside as many samples of the same labels. Other runs have no such
    figures: their discriminators are not calibrated.
    """
    if recipe.ratio_from is None or sampler.controls.critic is None:
        return {}
    discriminator = sampler.controls.critic().to(bench.device)
    real = bench.test_batch(run, recipe)
    asked_NA = real.label_BA.cpu().numpy()
    made = sampler.exact.written(asked_NA, seed=set_seed(seed, 0))
    real_B = sequence_logits(discriminator, [real], bench.device)
    made_B = sequence_logits(discriminator, made, bench.device)
    figures = ratio_figures(real_B, made_B)
    return {name: Value.of([value], len(real)) for name, value in figures.items()}
