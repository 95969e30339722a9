"""A discriminator as corrector: its density ratio, its calibration, and what is chosen by it."""

import json
import math

import pytest
import torch

from seqgan_kit import load
from seqgan_kit.evaluation.ratios import effective_share, ratio_figures
from seqgan_kit.files import read_tensors
from seqgan_kit.objectives.ratio import Calibration
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.recipe.files import load as load_recipe
from seqgan_kit.runs.steering import Steering
from seqgan_kit.training.run import Run

from .conftest import text_data, tiny

RATIO = ("model.discriminator.minibatch_group=0",)
"""Changes that turn `snippets_text` into likelihood and then a corrector."""
PHASES = "phases=[{steps: 2, objective: {kind: likelihood}}, {objective: {kind: ratio}}]"


def normal(mean, count=4000, seed=0):
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)) + mean


def test_a_calibrated_logit_is_the_density_ratio():
    # Of normal numbers about 1 and -1 the log-ratio at x is 2 x.
    calibration = Calibration()
    nats = calibration.fit(5 * normal(1.0) - 1, 5 * normal(-1.0, seed=1) - 1)
    x = torch.tensor([-1.0, 0.0, 2.0])
    torch.testing.assert_close(calibration(5 * x - 1), 2 * x, atol=0.2, rtol=0.05)
    assert 0.2 < nats < 0.4


def test_a_blind_discriminator_weighs_all_the_same():
    calibration = Calibration()
    # What is learned by heart is turned round on new sequences.
    nats = calibration.fit(normal(-0.2), normal(0.2, seed=1))
    assert calibration(torch.tensor([-50.0, 0.0, 50.0])).tolist() == [0, 0, 0]
    assert nats == pytest.approx(math.log(2))


def test_figures_of_a_discriminator_by_hand():
    real, made = torch.tensor([0.0, 2.0]), torch.tensor([-2.0, 1.0])
    assert ratio_figures(real, made)["critic_auc"] == 3 / 4
    weights = made.exp()
    expected = weights.sum() ** 2 / weights.square().sum() / 2
    assert effective_share(made) == pytest.approx(float(expected))
    # The log-ratio of the example above is calibrated; one that is twice as sure is not.
    good, loud = (
        ratio_figures(f * 2 * normal(1.0), f * 2 * normal(-1.0, seed=1)) for f in (1.0, 3.0)
    )
    assert good["critic_calibration_error"] < 0.02 < 0.05 < loud["critic_calibration_error"]
    # The side with more sequences does not count more.
    uneven = ratio_figures(2 * normal(1.0, 400), 2 * normal(-1.0, 4000, seed=1))
    assert uneven["critic_calibration_error"] < 0.05


@pytest.fixture(scope="module")
def corrector(tmp_path_factory, small_text):
    from seqgan_kit.runs import workflow

    changes = (*tiny("snippets_text"), *RATIO, *text_data("snippets_text", small_text))
    recipe = load_recipe(
        "snippets_text", (*changes, PHASES, "train.steps=6", "train.checkpoint_every=2",
                          "data.validation=0.2", "train.keep=9"),
    )  # fmt: skip
    return workflow.train(recipe, out=tmp_path_factory.mktemp("ratio") / "run").run


def test_the_generator_stays_as_it_is(corrector):
    steps = [read_tensors(path / "networks.safetensors") for path in corrector.checkpoints()]
    assert [path.name for path in corrector.checkpoints()] == [
        "step-00000002", "step-00000004", "step-00000006"
    ]  # fmt: skip
    for name, tensor in steps[0].items():
        changed = not torch.equal(tensor, steps[-1][name])
        if name.startswith(("generator/", "discriminator/")):
            assert changed == name.startswith("discriminator/")
    # Checkpoints of the phase before have no score: none of them can be the best.
    assert corrector.best()[0].name != "step-00000002"


def test_samples_are_chosen_by_the_calibrated_ratio(corrector, seqgen):
    sampler = load(corrector.path)
    calibrated = sampler.controls.critic()
    tensors = read_tensors(corrector.checkpoint() / "networks.safetensors")
    assert calibrated.calibration.scale == tensors["calibration/scale"]
    steered = sampler.steered(Steering(candidates=3, choose="discriminator"))
    assert len(steered.sample(count=2)) == 12
    shown = seqgen("evaluate", corrector.path, "--samples", "60", "--sets", "1", "--no-gan-train")
    assert shown.code == 0, shown.err
    found = json.loads((corrector.path / "evaluation.json").read_text())["figures"]
    assert 0 < found["critic_effective_share"]["mean"] <= 1
    assert "effective" in shown.out


def test_another_run_lends_the_generator(corrector, seqgen, small_text, tiny_runs, tmp_path):
    common = ("train", "snippets_text", *tiny("snippets_text")[:-4], *RATIO,
              *text_data("snippets_text", small_text), "phases=[]", "objective={kind: ratio}",
              "data.validation=0.2", "train.steps=2")  # fmt: skip
    alone = seqgen(*common, "--out", tmp_path / "alone")
    assert alone.code == 2
    assert "name its run by --init-from" in alone.err
    assert not (tmp_path / "alone").exists()
    lender = tiny_runs("snippets_text_likelihood")
    lent = seqgen(*common, "--out", tmp_path / "lent", "--init-from", lender)
    assert lent.code == 0, lent.err
    theirs = read_tensors(Run(lender).checkpoint() / "networks.safetensors")
    ours = read_tensors(Run(tmp_path / "lent").checkpoint() / "networks.safetensors")
    for name, tensor in theirs.items():
        if name.startswith("average/"):
            assert torch.equal(ours[name], tensor)


def test_a_generator_that_knows_no_labels_may_be_lent():
    recipe = load_recipe(
        "peptides_text_likelihood",
        ["objective={kind: ratio}", "model.discriminator.minibatch_group=0"],
    )
    assert (recipe.ratio_from, recipe.train.label_dropout) == (0, 0.1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("phases=[{steps: 1, objective: {kind: ratio}}, {objective: {kind: policy}}]",),
         "only be that of the last phase"),
        ((PHASES, "model.discriminator.minibatch_group=4"), "minibatch_group"),
    ],
)  # fmt: skip
def test_recipes_that_cannot_be(changes, words):
    with pytest.raises(RecipeError, match=words):
        load_recipe("snippets_text", changes)


def test_without_a_validation_part_nothing_is_calibrated(seqgen, small_text, tmp_path):
    shown = seqgen(
        "train", "snippets_text", *tiny("snippets_text"), *RATIO,
        *text_data("snippets_text", small_text), PHASES, "train.steps=4", "data.validation=0",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert shown.code == 1
    assert "set data.validation" in shown.err
