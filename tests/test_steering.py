"""Control over what is sampled: guidance, and the choice among candidates."""

import json

import numpy as np
import pytest
import torch

from seqgan_kit import load
from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.errors import NotSupported, UsageError
from seqgan_kit.kind import Codec
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.categorical import CategoricalHead
from seqgan_kit.nn.condition import NO_LABEL, LabelEmbedding
from seqgan_kit.nn.grouped import GroupedCategoricalHead
from seqgan_kit.nn.heads import LogisticHead
from seqgan_kit.nn.networks import Discriminator
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.objectives.likelihood import mean_nats
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import steering, workflow
from seqgan_kit.runs.sampler import Sampler
from seqgan_kit.runs.steering import Chooser, Controls, Steering

from .conftest import text_data, tiny

LETTERS = 4
LABELS = {"kind": ("a", "b", "c")}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def letters():
    """A network that writes one letter, whose probabilities are known, and differ by label."""
    torch.manual_seed(0)
    network = RecurrentGenerator(
        head=CategoricalHead(8, LETTERS, embedding_size=4), classes=(3,), steps=1,
        hidden_size=8, layers=1, input_size=8, noise_size=0, step_noise_size=0, feedback=True,
    )  # fmt: skip
    with torch.no_grad():
        network.head.project.weight.mul_(12)
    return network.eval()


def log_p(network, label):
    """The log-probabilities of all letters under a label."""
    letter_B1 = torch.arange(LETTERS)[:, None]
    batch = Batch(letter_B1, full_mask(LETTERS, 1), torch.full((LETTERS, 1), label))
    with torch.no_grad():
        return network.log_prob(batch)[:, 0]


def shares(sampler, label, count=6000):
    rows_NA = np.full((count, 1), label)
    drawn = torch.cat([batch.x_BTF for batch in sampler.written(rows_NA, seed=1)])
    return torch.bincount(drawn.flatten(), minlength=LETTERS) / count


class Letters(Codec):
    """One letter is a sequence."""

    steps, features = 1, LETTERS


def sampler_of(network, **controls):
    made = Sampler(network, Letters(), LABELS, CPU)
    made.controls = Controls(unlabelled=True, **controls)
    return made


# -- guidance -----------------------------------------------------------------------------------


def test_no_label_adds_nothing():
    embedding = LabelEmbedding((3, 2), 5)
    one_BE = embedding(torch.tensor([[2, NO_LABEL], [NO_LABEL, NO_LABEL]]))
    torch.testing.assert_close(one_BE[0], embedding.table[2])
    assert not one_BE[1].any()


def test_hidden_labels_are_not_seen(letters):
    batch = Batch(torch.arange(LETTERS)[:, None], full_mask(LETTERS, 1),
                  torch.tensor([[0], [1], [2], [0]]))  # fmt: skip
    other = Batch(batch.x_BTF, batch.mask_BT, (batch.label_BA + 1) % 3)
    nats = [mean_nats(letters, one, seeded_noise(0), 1 - 1e-9) for one in (batch, other)]
    torch.testing.assert_close(*nats)
    assert mean_nats(letters, batch, seeded_noise(0)) != mean_nats(letters, other, seeded_noise(0))
    # Without dropout no numbers are drawn, so that runs of before go on as they were.
    noise = seeded_noise(0)
    mean_nats(letters, batch, noise)
    assert torch.equal(noise.uniform(1), seeded_noise(0).uniform(1))


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.5])
def test_guided_letters_have_the_probabilities_of_the_formula(letters, guidance):
    sampler = sampler_of(letters).steered(Steering(guidance=guidance))
    log_w = guidance * log_p(letters, 1) + (1 - guidance) * log_p(letters, NO_LABEL)
    torch.testing.assert_close(shares(sampler, 1), log_w.softmax(0), atol=0.025, rtol=0)


@pytest.mark.parametrize(
    "head",
    [
        lambda: CategoricalHead(6, 5, embedding_size=4).logits,
        lambda: CategoricalHead(6, 5, embedding_size=4, tied=True).logits,
        lambda: GroupedCategoricalHead(6, 5, group=2, embedding_size=4).logits,
        lambda: LogisticHead(6, 5).project,
    ],
)
def test_what_heads_say_is_affine_in_what_they_read(head):
    outputs = head()
    asked, free = torch.randn(2, 3, 1, 6)
    moved = outputs(torch.lerp(free, asked, 3.0))
    torch.testing.assert_close(moved, 3 * outputs(asked) - 2 * outputs(free), atol=1e-5, rtol=1e-5)


# -- candidates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("power", "unlabelled"), [(1.0, False), (3.0, False), (1.0, True)])
def test_candidates_are_kept_by_the_posterior_of_their_label(
    letters, power, unlabelled, monkeypatch
):
    sampler = sampler_of(letters)
    sampler.controls = Controls(unlabelled=unlabelled)
    sampler.label_counts = [([0], 1), ([1], 2), ([2], 1)]
    # With so many labels that they cannot all be read, candidates are read without one.
    monkeypatch.setattr(steering, "MOST_LABELS", 2 if unlabelled else 200)
    steered = sampler.steered(Steering(candidates=60, power=power))
    if unlabelled:
        every = log_p(letters, NO_LABEL)
    else:
        prior = torch.tensor([0.25, 0.5, 0.25]).log()[:, None]
        every = (torch.stack([log_p(letters, k) for k in range(3)]) + prior).logsumexp(0)
    asked = log_p(letters, 1)
    expected = (asked + power * (asked - every)).softmax(0)
    assert (expected - asked.exp()).abs().max() > 0.05
    # With so many candidates it is nearly the distribution that is meant.
    torch.testing.assert_close(shares(steered, 1), expected, atol=0.05, rtol=0)


class Critic(Discriminator):
    """Finds each letter as real as a list says."""

    def __init__(self, logits):
        super().__init__()
        self.register_buffer("logit_V", torch.tensor(logits))
        self.seen = []

    def forward(self, x, label_BA, mask_BT):
        self.seen.append((x[:, 0], label_BA[:, 0]))
        return self.logit_V[x[:, 0]]


def test_candidates_are_kept_by_the_density_ratio(letters):
    logits = [0.0, 1.0, -1.0, 0.5]
    critic = Critic(logits)
    sampler = sampler_of(letters, critic=lambda: critic)
    expected = (log_p(letters, 2) + torch.tensor(logits)).softmax(0)
    steered = sampler.steered(Steering(candidates=60, choose="discriminator"))
    torch.testing.assert_close(shares(steered, 2), expected, atol=0.05, rtol=0)
    # Both: the product.
    both = sampler.steered(Steering(candidates=60, choose="both"))
    asked = log_p(letters, 2)
    every = torch.stack([log_p(letters, k) for k in range(3)]).logsumexp(0)
    expected = (2 * asked - every + torch.tensor(logits)).softmax(0)
    torch.testing.assert_close(shares(both, 2), expected, atol=0.05, rtol=0)


def test_groups_of_a_discriminator_are_candidates_for_one_sample(letters):
    critic = Critic([0.0] * LETTERS)
    sampler = sampler_of(letters, critic=lambda: critic, group=2)
    steered = sampler.steered(Steering(candidates=4, choose="discriminator"))
    next(steered.written(np.array([[0], [1], [2]])))
    _, label_S = critic.seen[0]
    assert label_S.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    with pytest.raises(UsageError, match="groups of 2, so that their number must be a multiple"):
        sampler.steered(Steering(candidates=3, choose="discriminator"))


def test_the_first_samples_do_not_depend_on_their_number(letters):
    steered = sampler_of(letters).steered(Steering(candidates=4, guidance=1.5))
    few, many = (
        torch.cat([batch.x_BTF for batch in steered.written(np.full((count, 1), 1), seed=3)])
        for count in (7, 700)
    )
    assert torch.equal(few, many[:7])


# -- what cannot be steered ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "controls", "words"),
    [
        ({"guidance": 2.0}, {}, "train.label_dropout=0.1"),
        ({"candidates": 2, "choose": "discriminator"}, {}, "this run has none"),
        ({"candidates": 2, "choose": "both"},
         {"critic": lambda: Critic([0.0]), "ratio": False}, "no density ratios"),
    ],
)  # fmt: skip
def test_runs_that_have_not_what_it_takes(letters, settings, controls, words):
    with pytest.raises(NotSupported, match=words):
        Chooser(Steering(**settings), Controls(**controls), letters, LABELS)


def test_one_class_cannot_steer(letters):
    with pytest.raises(NotSupported, match="one class"):
        Chooser(Steering(candidates=2), Controls(), letters, {"label": ("a",)})


def test_labels_without_end(letters):
    many = {"kind": tuple(map(str, range(300)))}
    with pytest.raises(NotSupported, match="there are 300 labels, more than 200"):
        Chooser(Steering(candidates=2), Controls(), letters, many)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"candidates": 0}, "choose among 1 to 1000"), ({"guidance": -1.0}, "expected a number"),
     ({"power": float("nan")}, "expected a number")],
)  # fmt: skip
def test_settings_that_mean_nothing(settings, words):
    with pytest.raises(UsageError, match=words):
        Steering(**settings)


# -- from the command line ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def hidden(tmp_path_factory, small_text):
    """Runs by likelihood that hide some labels."""
    folder = tmp_path_factory.mktemp("hidden")
    for name in ("snippets_text_likelihood", "vowels_series_likelihood"):
        changes = (*tiny(name), *text_data(name, small_text), "train.label_dropout=0.2")
        workflow.train(recipe_files.load(name, changes), out=folder / name)
    return folder


STEERED = ("--guidance", "2", "--candidates", "3", "--power", "2")


def test_steered_text(seqgen, hidden, tmp_path):
    run = hidden / "snippets_text_likelihood"
    plain, *shown = (
        seqgen("sample", run, "-n", "5", "--format", "jsonl", *more)
        for more in ((), STEERED, STEERED)
    )
    assert [one.code for one in (plain, *shown)] == [0, 0, 0], shown[0].err
    assert shown[0].out == shown[1].out != plain.out
    lines = [json.loads(line) for line in shown[0].out.splitlines()]
    assert lines[0]["steering"] == {
        "guidance": 2.0, "candidates": 3, "choose": "label", "power": 2.0
    }  # fmt: skip
    assert "steering" not in json.loads(plain.out.splitlines()[0])
    sampler = load(run).steered(Steering(guidance=2.0))
    assert len(sampler.sample("kind=movie", count=2)) == 4
    measured = seqgen("evaluate", run, "--samples", "30", "--sets", "2", "--no-gan-train",
                      "--guidances", "1,2", "--candidates", "1,2")  # fmt: skip
    assert measured.code == 0, measured.err
    for words in ("w=2", "N=2", "candidates by label: 30 samples", "±"):
        assert words in measured.out
    kept = json.loads((run / "candidates_by_label.json").read_text())["points"]
    assert [point["at"] for point in kept] == [1, 2]
    # Only what is drawn as it was learned has a likelihood.
    assert "nats_per_token" in kept[0]["values"]
    assert "nats_per_token" not in kept[1]["values"]
    assert set(kept[0]["deviations"]) >= {"label_accuracy", "self_bleu_3"}


def test_steered_series(seqgen, hidden, tmp_path):
    run = hidden / "vowels_series_likelihood"
    made = seqgen("sample", run, "-n", "2", *STEERED, "--out", tmp_path / "a.csv")
    assert made.code == 0, made.err
    walked = ("sample", run, "--interpolate", "3..5", "--out", tmp_path / "b.png")
    assert seqgen(*walked, "--guidance", "2").code == 0
    refused = seqgen(*walked, "--candidates", "2", "--force")
    assert (refused.code, "not supported for a walk" in refused.err) == (2, True)


def test_what_cannot_be_steered(seqgen, hidden, tiny_runs):
    text, likelihood = hidden / "snippets_text_likelihood", tiny_runs("snippets_text_likelihood")
    rows = tiny_runs("digits_rows")
    for run, options, words in (
        (likelihood, ("--guidance", "2"), "train.label_dropout=0.1"),
        (rows, ("--guidance", "2"), "no exact likelihood"),
        (rows, ("--candidates", "2"), "no exact likelihood"),
        (rows, ("--candidates", "2", "--choose", "discriminator"), "must be a multiple of"),
        (text, ("--candidates", "2", "--choose", "discriminator"), "this run has none"),
        (text, ("--choose", "label"), "say which of several --candidates"),
        (text, ("--candidates", "0"), "--candidates"),
        (text, ("--guidance", "-1"), "--guidance"),
    ):
        refused = seqgen("sample", run, "-n", "4", *options)
        assert (refused.code, words in refused.err) == (2, True), (options, refused.err)
    for options, words in (
        (("--guidances", "1,2"), "no exact likelihood"),
        (("--candidates", "1.5"), "whole numbers"),
        (("--choose", "both"), "are about --candidates"),
        (("--temperatures", "1"), "no sampling temperature"),
    ):
        refused = seqgen("evaluate", rows, *options)
        assert (refused.code, words in refused.err) == (2, True), (options, refused.err)


def test_a_discriminator_chooses_digits(seqgen, tiny_runs, tmp_path):
    run, target = tiny_runs("digits_rows"), tmp_path / "digits.npy"
    made = seqgen("sample", run, "-n", "2", "--candidates", "4", "--choose", "discriminator",
                  "--out", target)  # fmt: skip
    assert made.code == 0, made.err
    assert len(np.load(target)) == 20


def test_labels_are_hidden_from_likelihood_only(seqgen):
    refused = seqgen("recipes", "check", "digits_rows", "train.label_dropout=0.1")
    assert (refused.code, "is for maximum likelihood" in refused.err) == (2, True)
