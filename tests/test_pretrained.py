"""The runs of the package hold what their cards state, and training goes on from them.

Every run is sampled once and measured in seconds, without GAN-train. Digits and vowels have the
judge of `seqgen evaluate`, sines the random one that `evaluate` has for data without labels. The
judges of MNIST, Fashion-MNIST and peptides would take a minute or more: they are trained for
:data:`QUICK` steps, and bound label accuracy from below by their own errors. Speech is measured
without a judge, and names without data, which would have to be fetched.
"""

import json

import numpy as np
import pytest
import torch

import seqgan_kit
from seqgan_kit.evaluation import judge as judges
from seqgan_kit.evaluation.distribution import spread_inside_class
from seqgan_kit.files import read_tensors
from seqgan_kit.kinds.text.bleu import distinct, self_bleu
from seqgan_kit.measuring.opening import bench_of
from seqgan_kit.runs.data import part_items
from seqgan_kit.runs.loading import run_recipe
from seqgan_kit.runs.places import packaged, unpack
from seqgan_kit.training.run import Run

SMALL = 0.03
"""What a figure may differ by besides its deviation, as a share of it or of 1: sets here have a
thousand samples or fewer, of which three deviations of a share of .9 are .03."""

QUICK = 200
"""Steps of a judge that would take a minute or more."""

JUDGED = ("label_accuracy", "precision", "recall", "coverage", "spread", "memorised")


@pytest.fixture(autouse=True)
def own_judges(own_cache, monkeypatch, tmp_path_factory):
    """A cache for these tests alone: other tests train the same judges for fewer steps."""
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path_factory.getbasetemp() / "pretrained"))


@pytest.fixture
def opened(request, monkeypatch):
    """From a name to a run of the package, with its data if a test has to be given them."""

    def opened(name, *, samples=1000, given=False, quick=None):
        found = Opened(name, samples, request.getfixturevalue("real_data") if given else None)
        if quick is not None:
            monkeypatch.setattr(judges, "LEAST_STEPS", quick)
            found.bench._trained = quick_judge(found.bench, quick)
        return found

    return opened


def quick_judge(bench, steps):
    """A judge of a few steps, and its accuracy on real items."""

    def make():
        return bench.measure.judge(bench.test[:1], bench.dataset.classes)

    items, label_NA = part_items(bench.dataset, bench.measure, "training")
    chosen = np.random.default_rng(0).permutation(len(items))[: 128 * steps]
    labels = torch.from_numpy(label_NA[chosen])
    judge = judges.train_judge(items[chosen], labels, make=make, seed=0, epochs=1)
    accuracy = judges.look(judge, bench.test[:1000]).accuracy(bench.label_NA[:1000])
    return judges.TrainedJudge(judge, accuracy)


class Opened:
    """A run of the package, the bench of its data, and one set of samples."""

    def __init__(self, name, samples, real_data):
        # As a file: a run in `runs` may have the same name.
        self.run = Run(unpack(packaged()[name]))
        if real_data is not None:
            root = real_data / run_recipe(self.run).data.source
            if not root.exists():
                pytest.skip(f"SEQGAN_TEST_DATA has no {root.name}")
            self.run.data_root = str(root)
        self.recipe = run_recipe(self.run)
        self.stated = json.loads((self.run.path / "figures.json").read_text("utf-8"))
        self.bench = bench_of(self.recipe, device="cpu", samples=samples)
        assert self.run.info["data"]["fingerprint"] == self.bench.dataset.fingerprint
        self.sampler = self.bench.sampler(self.run, self.recipe, checkpoint=None)
        test_NA = self.bench.label_NA
        # Labels in the proportions of real data, as `seqgen evaluate` asks for them.
        self.label_NA = np.resize(test_NA, (samples, test_NA.shape[1]))
        decoded = torch.cat(list(self.sampler.stream(self.label_NA, seed=1)))
        self.items = self.bench.measure.made(decoded, self.sampler.codec)

    def spread(self):
        """The spread of samples over that of real items; no nearest neighbours are looked for."""
        first, bench = self.bench.reference.first, self.bench
        made, real = (
            spread_inside_class(
                bench.measure.vectors(items).numpy(),
                np.unique(label_NA, axis=0, return_inverse=True)[1].ravel(),
            )
            for items, label_NA in (
                (self.items, self.label_NA),
                (bench.test[first], bench.label_NA[first]),
            )
        )
        return {"spread": made / real}

    def holds(self, found, *names):
        """Compare figures with those that the card states."""
        for name in names:
            mean, deviation = self.stated[name]
            allowed = 3 * (deviation or 0) + SMALL * max(1, abs(mean))
            assert found[name] == pytest.approx(mean, abs=allowed), name

    def holds_labels(self):
        """Compare label accuracy by a judge that errs as often as on real items, at most."""
        real = self.bench.judge_accuracy
        made = judges.look(self.bench._judge, self.items).accuracy(self.label_NA)
        assert real > 0.75
        assert made >= self.stated["label_accuracy"][0] - (1 - real) - SMALL


@pytest.mark.parametrize("name", ["digits_rows", "vowels_series", "vowels_series_feedback"])
def test_with_the_judge(opened, name):
    found = opened(name)
    found.holds(found.bench.reference.measure(found.items, found.label_NA), *JUDGED)


def test_sines(opened):
    found = opened("sines_series")
    found.holds(found.bench.reference.measure(found.items, found.label_NA), *JUDGED)


@pytest.mark.parametrize("name", ["mnist_rows", "fashion_rows"])
def test_rows(opened, name):
    found = opened(name, given=True, quick=QUICK)
    found.holds_labels()
    found.holds(found.spread(), "spread")


def test_peptides(opened):
    pytest.importorskip("modlamp", reason="the data of peptides come with modlamp")
    found = opened("peptides_text_likelihood", samples=900, quick=QUICK)
    found.holds_labels()
    found.holds(
        found.bench.own.measure(found.items, found.label_NA),
        *("bleu_2", "bleu_5", "self_bleu_5", "distinct_3", "unique", "copied"),
        *("valid", "length_distance", "charge_distance", "hydrophobicity_distance"),
    )
    likelihood = found.bench._likelihood(found.run, found.recipe, found.sampler)
    for name in ("nats_per_token", "perplexity"):
        # Nothing is drawn here; weights are packed in half precision.
        assert likelihood[name].mean == pytest.approx(found.stated[name][0], rel=1e-3)


def test_spoken_digits(opened):
    pytest.importorskip("pyworld", reason="the vocoder of this run")
    found = opened("spoken_digits", samples=600, given=True, quick=1)
    figures = found.bench.own.measure(found.items, found.label_NA) | found.spread()
    found.holds(
        figures, "loudness", "loudness_deviation", "silence_share", "clipped_share", "spread"
    )
    # The largest gap of two distributions, which chance alone opens by .05 with so few clips.
    assert figures["length_distance"] <= found.stated["length_distance"][0] + 0.06


def test_names():
    path = packaged()["names_text"]
    run = Run(unpack(path))
    stated = json.loads((run.path / "figures.json").read_text("utf-8"))
    lines = [list(name) for name in seqgan_kit.load(path).sample(count=100, seed=1)]
    found = {f"distinct_{n}": value for n, value in distinct(lines).items()}
    found |= {f"self_bleu_{n}": value for n, value in self_bleu(lines).items()}
    found["unique"] = len({tuple(line) for line in lines}) / len(lines)
    for figure, value in found.items():
        mean, deviation = stated[figure]
        assert value == pytest.approx(mean, abs=3 * deviation + SMALL), figure


def test_every_run_of_the_package_is_measured_here():
    measured = {"digits_rows", "vowels_series", "vowels_series_feedback", "sines_series",
                "mnist_rows", "fashion_rows", "peptides_text_likelihood", "spoken_digits",
                "names_text"}  # fmt: skip
    assert set(packaged()) == measured


@pytest.mark.parametrize("name", ["digits_rows", "mnist_rows"])
def test_training_goes_on_from_one(seqgen, small_mnist, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    data = [f"data.root={small_mnist}"] if name == "mnist_rows" else []
    begun = seqgen(
        "train", name, "--init-from", name, "train.steps=1", "train.batch_size=8", *data
    )
    assert begun.code == 0, begun.err
    assert "the discriminator begins anew" in begun.err
    ours = read_tensors(Run(tmp_path / "runs" / name).checkpoints()[0] / "networks.safetensors")
    theirs = read_tensors(Run(unpack(packaged()[name])).checkpoint() / "networks.safetensors")
    for tensor_name, tensor in theirs.items():
        for network in ("average", "generator"):
            own = ours[tensor_name.replace("average", network, 1)]
            torch.testing.assert_close(own, tensor.float(), rtol=0, atol=1e-6)
