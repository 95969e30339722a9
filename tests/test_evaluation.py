"""The evaluation exposes what it is there to expose."""

import json

import numpy as np
import pytest
import torch

from seqgan_kit.evaluation.distribution import frechet_distance, spread_inside_class
from seqgan_kit.evaluation.evaluate import Reference
from seqgan_kit.evaluation.judge import cached_judge, look, train_judge


def normal(mean, deviation, count=200_000, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, len(mean))) * deviation + mean


def test_frechet_distance_of_known_distributions():
    a = normal(np.array([0.0, 0.0]), np.array([1.0, 2.0]))
    b = normal(np.array([3.0, 4.0]), np.array([2.0, 2.0]), seed=1)
    # 25 for the means; for independent features (s_a - s_b)^2 each: 1 + 0.
    assert frechet_distance(a, b) == pytest.approx(26, rel=0.01)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))


def test_frechet_distance_of_correlated_features_by_hand():
    # Exact covariances: C_a = [[2,1],[1,2]] and C_b = I, so Tr(C_a^(1/2)) = 1 + sqrt(3).
    root = np.linalg.cholesky(np.array([[2.0, 1.0], [1.0, 2.0]]))
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]) * np.sqrt(3 / 4)
    expected = 4 + 2 - 2 * (1 + np.sqrt(3))
    assert frechet_distance(square @ root.T, square) == pytest.approx(expected, abs=1e-9)


def test_frechet_distance_with_fewer_samples_than_features_is_finite():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 5, 20))
    assert np.isfinite(frechet_distance(a, b))
    with pytest.raises(ValueError, match="at least two"):
        frechet_distance(a[:1], b)


def test_spread_by_hand():
    x_NF = np.array([[0.0, 0], [3, 4], [1, 1], [1, 1], [1, 1], [9, 9]])
    # Class 0: one pair at distance 5; class 1: three pairs at 0; class 2 has one member.
    assert spread_inside_class(x_NF, np.array([0, 0, 1, 1, 1, 2])) == pytest.approx(2.5)
    with pytest.raises(ValueError, match="two samples"):
        spread_inside_class(x_NF[:2], np.array([0, 1]))


@pytest.fixture(scope="module")
def digits():
    from seqgan_kit.data.images import sklearn_digits

    dataset = sklearn_digits(0.1, 0)
    return {
        name: (torch.from_numpy(part.items[:].astype(np.float32) / 255), part.label_NA)
        for name, part in dataset.parts.items()
    }


@pytest.fixture(scope="module")
def reference(digits):
    images, label_NA = digits["training"]
    judge = train_judge(images, torch.from_numpy(label_NA), classes=(10,), seed=0, epochs=1)
    return Reference(judge, *digits["test"])


def test_the_judge_knows_digits(reference):
    assert reference.verdict.accuracy(reference.label_NA) > 0.95


def test_real_data_pass(reference, digits):
    result = reference.compare(*digits["validation"])
    assert result.generated.label_accuracy > 0.95
    assert result.generated.spread == pytest.approx(1, abs=0.1)
    assert result.generated.frechet_judge_distance < 3 * result.real.frechet_judge_distance
    assert result.real.samples == 179
    assert result.reference == 180


def test_a_sampler_that_ignores_its_label_is_exposed(reference, digits):
    images, label_NA = digits["validation"]
    wrong = np.random.default_rng(0).permutation(label_NA)
    assert reference.compare(images, wrong).generated.label_accuracy < 0.3


def test_a_collapsed_sampler_is_exposed_by_spread_alone(reference, digits):
    images, label_NA = digits["training"]
    first = [int(np.flatnonzero(label_NA[:, 0] == k)[0]) for k in range(10)]
    rows = np.repeat(np.arange(10), 20)
    result = reference.compare(images[first][rows], rows[:, None])
    assert result.generated.label_accuracy > 0.95
    assert result.generated.spread < 1e-6


def test_noise_is_exposed(reference):
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(200, 8, 8, 1, generator=generator)
    result = reference.compare(noise, np.arange(200)[:, None] % 10)
    assert result.generated.label_accuracy < 0.3
    assert result.generated.frechet_judge_distance > 10 * result.real.frechet_judge_distance


def test_labels_follow_the_proportions_of_the_test_part(reference):
    labels = reference.labels_for(1000)
    expected = np.bincount(reference.label_NA[reference.first, 0]) / len(reference.first)
    np.testing.assert_allclose(np.bincount(labels[:, 0]) / 1000, expected, atol=0.02)


def test_too_little_test_data_is_said(reference, digits):
    images, label_NA = digits["test"]
    with pytest.raises(ValueError, match="at least 4"):
        Reference(reference.judge, images[:3], label_NA[:3])


def test_judges_are_cached_and_a_damaged_one_is_made_again(tmp_path, digits):
    images, label_NA = digits["test"]
    calls = []

    def data():
        calls.append(1)
        return images, torch.from_numpy(label_NA)

    def judge(**changes):
        settings = dict(
            key={"data": "x"}, data=data, channels=1, classes=(10,), seed=0, epochs=1,
            device=torch.device("cpu"),
        )  # fmt: skip
        return cached_judge(tmp_path, **(settings | changes))

    first = look(judge(), images).features_NF
    np.testing.assert_array_equal(look(judge(), images).features_NF, first)
    assert len(calls) == 1
    judge(seed=1)
    assert len(calls) == 2
    for weights in tmp_path.glob("*/judge.safetensors"):
        weights.write_bytes(weights.read_bytes()[:50])
    np.testing.assert_array_equal(look(judge(), images).features_NF, first)
    assert len(calls) == 3


def test_the_command(seqgen, tiny_run, tmp_path):
    import shutil

    shutil.copytree(tiny_run, tmp_path / "run")
    table = seqgen("evaluate", tmp_path / "run", "--samples", "100")
    assert table.code == 0, table.err
    for words in ("label accuracy", "spread", "Frechet", "generated", "real", "The judge"):
        assert words in table.out
    kept = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert kept["generated"]["samples"] == 100
    printed = seqgen("evaluate", tmp_path / "run", "--samples", "100", "--json")
    assert json.loads(printed.out)["generated"] == kept["generated"]
