"""The term that keeps a class from becoming one sequence."""

import json

import pytest
import torch

from seqgan_kit.batch import Batch
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.objectives.gan import GAN, LEAST, sameness
from seqgan_kit.objectives.objective import Moment
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.runs import workflow
from seqgan_kit.runs.loading import load_critic, load_sampler, run_codec, run_recipe
from seqgan_kit.runs.objectives import make_objective
from seqgan_kit.training.run import Run

from .conftest import text_data, tiny


def test_it_is_the_ratio_of_differences_over_common_steps():
    z = torch.zeros(2, 4), torch.tensor([[1.0, 1, 1, 1], [0.5, 0.5, 0.5, 0.5]])
    x = torch.zeros(2, 3, 2), torch.ones(2, 3, 2)
    x[1][1, 2] = 100.0  # A step that only one of the two has.
    mask = torch.tensor([[True, True, True], [True, True, False]])
    found = sameness(z, x, mask)
    assert found == pytest.approx((1 / (1 + LEAST) + 1 / (2 + LEAST)) / 2)
    same = sameness(z, (x[0], x[0]), mask)
    assert same == pytest.approx(1 / LEAST)


def test_sequences_become_more_different(tiny_run):
    run = Run(tiny_run)
    recipe = run_recipe(run)
    generator = load_sampler(run, recipe, checkpoint=None, device=torch.device("cpu")).generator
    generator.train().requires_grad_(True)
    critic = load_critic(run, recipe, checkpoint=None).requires_grad_(False)
    game = GAN(generator, critic, loss="non-saturating", mode_seeking=1.0)
    codec = run_codec(run)
    # What real sequences are does not matter: the term reads none.
    x = torch.full((16, codec.steps, codec.features), torch.nan)
    batch = Batch(x, torch.ones(16, codec.steps, dtype=torch.bool), torch.zeros(16, 1).long())
    adam = torch.optim.Adam(generator.parameters(), 3e-3)
    terms = []
    for step in range(8):
        losses = game.generator_turn(batch, seeded_noise(step), Moment(step, 0.0)).losses
        terms.append(losses["mode_seeking"].item())
        adam.zero_grad()
        sum(losses.values()).backward()
        adam.step()
    assert terms[-1] < 0.8 * terms[0]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("digits_rows_private", "objective.mode_seeking=0.01"),
        ("vowels_series", "objective.mode_seeking=0.01"),
        ("names_text", "phases=[{objective: {kind: gan, mode_seeking: 0.01}}]"),
    ],
)
def test_it_is_a_setting_of_every_game(name, change, tmp_path, small_text):
    changes = [*tiny(name), *text_data(name, small_text), "model.generator.noise_size=4", change]
    run = workflow.train(recipe_files.load(name, changes), out=tmp_path / "run").run.path
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss/mode_seeking"] > 0


def test_a_generator_without_noise_is_refused(tiny_run):
    changes = [
        "objective.mode_seeking=0.1",
        "model.generator.noise_size=0",
        "model.generator.step_noise_size=4",
    ]
    with pytest.raises(RecipeError, match="noise_size above 0"):
        make_objective(recipe_files.load("digits_rows", changes), run_codec(Run(tiny_run)), (10,))
