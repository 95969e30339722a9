"""The evaluation exposes what it is there to expose."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from seqgan_kit.evaluation import gan_train as learning
from seqgan_kit.evaluation.distribution import (
    NotMeasurable,
    TooFewSamples,
    frechet_distance,
    spread_inside_class,
)
from seqgan_kit.evaluation.evaluate import Reference, cached_rows, combine
from seqgan_kit.evaluation.figures import FIGURES, Value
from seqgan_kit.evaluation.judge import Judge, cached_judge, look, train_judge
from seqgan_kit.evaluation.manifold import Manifold, compare, compare_evenly
from seqgan_kit.evaluation.memorisation import Nearest, closest_pairs, memorised_share, nearest
from seqgan_kit.kinds.images.judge import ImageJudge

CPU = torch.device("cpu")


class SmallJudge(Judge):
    """A judge of another kind than images need, trained in half a second."""

    def __init__(self, classes=(10,)):
        super().__init__(classes=classes)
        self.see = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU())
        self.decide = nn.Linear(32, sum(classes))

    def features(self, items):
        return self.see(items)

    def logits(self, features_BF):
        return list(self.decide(features_BF).split(self.classes, 1))


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
    with pytest.raises(ValueError, match="Frechet distance needs at least two"):
        frechet_distance(a[:1], b)


def test_spread_by_hand():
    x_NF = np.array([[0.0, 0], [3, 4], [1, 1], [1, 1], [1, 1], [9, 9]])
    # Class 0: one pair at distance 5; class 1: three pairs at 0; class 2 has one member.
    assert spread_inside_class(x_NF, np.array([0, 0, 1, 1, 1, 2])) == pytest.approx(2.5)
    with pytest.raises(ValueError, match=r"spread needs.*two samples"):
        spread_inside_class(x_NF[:2], np.array([0, 1]))


@pytest.fixture(scope="module")
def digits():
    from seqgan_kit.kinds.images.datasets import sklearn_digits

    dataset = sklearn_digits(0.1, 0)
    return {
        name: (torch.from_numpy(part.items[:].astype(np.float32) / 255), part.label_NA)
        for name, part in dataset.parts.items()
    }


@pytest.fixture(scope="module")
def reference(digits):
    images, label_NA = digits["training"]
    judge = train_judge(
        images,
        torch.from_numpy(label_NA),
        make=SmallJudge,
        seed=0,
        epochs=1,
    )
    items, test_label_NA = digits["test"]
    return Reference(
        judge=judge, items=items, label_NA=test_label_NA, training=lambda: images.flatten(1)
    )


@pytest.fixture(scope="module")
def real(reference):
    return reference.real()


@pytest.fixture(scope="module")
def collapsed(digits):
    """One real image of each class, many times."""
    images, label_NA = digits["training"]
    first = [int(np.flatnonzero(label_NA[:, 0] == k)[0]) for k in range(10)]
    rows = np.repeat(np.arange(10), 20)
    return images[first][rows], rows[:, None]


def test_an_image_judge_learns_from_few_images(digits):
    images, label_NA = digits["training"]
    before = torch.get_rng_state()
    judge = train_judge(
        images[:40],
        torch.from_numpy(label_NA[:40]),
        make=lambda: ImageJudge(channels=1, classes=(10,)),
        seed=0,
        epochs=1,
    )
    assert torch.equal(torch.get_rng_state(), before)
    verdict = look(judge, digits["test"][0])
    assert verdict.accuracy(digits["test"][1]) > 0.6
    assert verdict.features_NF.shape == (359, 128)


# -- where two sets lie -------------------------------------------------------------------------


def test_manifolds_by_hand():
    # On a line: real items at 0, 1, 3 with radii 1, 1, 2 to their neighbours.
    real = Manifold(np.array([[0.0], [1.0], [3.0]]), neighbours=1)
    np.testing.assert_array_equal(real.radius_N, [1, 1, 2])
    # Samples at -1 (in the ball of 0, on its border), 4 (in that of 3), 9 and 12 (in none), with
    # radii 5, 5, 3 and 3: the ball of -1 holds 0, 1 and 3.
    samples = Manifold(np.array([[-1.0], [4.0], [9.0], [12.0]]), neighbours=1)
    np.testing.assert_array_equal(samples.radius_N, [5, 5, 3, 3])
    found = compare(samples, real)
    assert found[:4] == (2 / 4, 3 / 3, 2 / (1 * 4), 2 / 3)
    # The other way round: 0 and 1 are in the balls of -1 and 4, 3 too; each of the three is in
    # two. -1 and 4 are in a ball of the others; balls of -1 and 4 hold some, those of 9, 12 none.
    assert compare(real, samples)[:4] == (3 / 3, 2 / 4, 6 / 3, 2 / 4)


@pytest.mark.parametrize(("count", "others"), [(700, 30), (30, 700)])
def test_manifolds_equal_brute_force(count, others):
    generator = np.random.default_rng(0)
    a_NF = generator.normal(size=(count, 3))
    b_MF = generator.normal(size=(others, 3)) + np.array([3.0, 0, 0])
    found = compare(Manifold(a_NF, neighbours=4), Manifold(b_MF, neighbours=4))

    def distances(x, y):
        return np.linalg.norm(x[:, None] - y[None], axis=-1)

    radius_N = np.sort(distances(a_NF, a_NF))[:, 4]  # The first is the item itself.
    radius_M = np.sort(distances(b_MF, b_MF))[:, 4]
    gap_NM = distances(a_NF, b_MF)
    inside_NM = gap_NM <= radius_M
    expected = (
        inside_NM.any(1).mean(),
        (gap_NM <= radius_N[:, None]).any(0).mean(),
        inside_NM.sum() / (4 * count),
        inside_NM.any(0).mean(),
    )
    assert found[:4] == pytest.approx(expected)
    assert all(0 < value != 1 for value in found[:4])
    np.testing.assert_array_equal(found.recalled_M, (gap_NM <= radius_N[:, None]).any(0))


def test_more_samples_change_no_overlap():
    generator = np.random.default_rng(0)
    real = Manifold(generator.normal(size=(100, 128)))
    a_NF = generator.normal(size=(2050, 128))
    few, many = compare_evenly(a_NF[:100], real), compare_evenly(a_NF, real)
    assert compare(Manifold(a_NF), real).recall < many.recall - 0.1, "smaller balls"
    for name in ("precision", "recall", "coverage"):
        assert getattr(many, name) == pytest.approx(getattr(few, name), abs=0.1)
    assert many.recall == pytest.approx(many.recalled_M.mean())
    # Fewer samples than real items: no more of these than there are samples.
    rest = compare_evenly(a_NF[:30], real)
    assert rest[:4] == compare(Manifold(a_NF[:30]), Manifold(real.features_NF[:30].numpy()))[:4]
    assert np.isnan(rest.recalled_M).sum() == 70
    with pytest.raises(TooFewSamples):
        compare_evenly(a_NF[:5], real)


def test_repeated_items_are_at_no_distance():
    # As exact as features are of an item that is judged twice, in batches of other sizes.
    x_NF = np.random.default_rng(0).normal(size=(40, 128)).astype(np.float32)
    twice = Manifold(np.concatenate([x_NF, x_NF * np.float32(1 + 1e-6)]), neighbours=1)
    np.testing.assert_array_equal(twice.radius_N, 0)
    assert compare(twice, twice)[:4] == (1, 1, 2, 1)


def test_too_few_samples_for_a_manifold():
    Manifold(np.eye(6))
    with pytest.raises(TooFewSamples, match=r"precision, recall.*at least 6 samples"):
        Manifold(np.eye(5))


# -- copies -------------------------------------------------------------------------------------


def test_nearest_equals_brute_force_over_all_chunks(monkeypatch):
    monkeypatch.setattr("seqgan_kit.evaluation.memorisation.SAMPLES", 7)
    monkeypatch.setattr("seqgan_kit.evaluation.memorisation.EXAMPLES", 11)
    generator = torch.Generator().manual_seed(0)
    samples, training = torch.rand(30, 5, generator=generator), torch.rand(50, 5)
    samples[3] = training[49]
    found = nearest(samples, training)
    distance_NM = torch.cdist(samples.double(), training.double())
    np.testing.assert_array_equal(found.index_N, distance_NM.argmin(1))
    np.testing.assert_allclose(found.distance_N, distance_NM.amin(1), atol=1e-6)
    assert found.distance_N[3] == 0
    assert closest_pairs(found, 4).tolist() == np.argsort(found.distance_N)[:4].tolist()
    assert closest_pairs(found, 4)[0] == 3
    with pytest.raises(TooFewSamples, match="memorised"):
        nearest(samples[:0], training)


def test_memorised_share_by_hand():
    real_distance_N = np.linspace(1, 2, 101)  # Its first percentile is 1.01.
    assert memorised_share(np.array([0.0, 1.0, 1.02, 5.0]), real_distance_N) == 0.5
    assert memorised_share(real_distance_N, real_distance_N) == pytest.approx(2 / 101)
    # Copies are found where real items, too, repeat training examples.
    assert memorised_share(np.array([0.0, 0.1]), np.array([0.0, 0.0, 1.0])) == 0.5


def test_a_set_of_one_sample_many_times_is_searched():
    found = nearest(torch.ones(5, 3), torch.tensor([[0.0, 0, 0], [1, 1, 2], [1, 1, 2]]))
    assert found.index_N.tolist() == [1] * 5
    assert closest_pairs(Nearest(*found), 9).tolist() == [0, 1, 2, 3, 4]


# -- samplers that are known to be good or bad --------------------------------------------------


def test_real_data_pass(reference, real, digits):
    assert reference.judge_accuracy > 0.9
    assert reference.count == 180
    result = reference.measure(*digits["validation"])
    assert list(result) == [name for name in FIGURES if name in result]
    assert result.keys() == real.keys()
    for figures in (result, real):
        assert figures["label_accuracy"] > 0.9
        assert figures["spread"] == pytest.approx(1, abs=0.1)
        assert figures["density"] == pytest.approx(1, abs=0.15)
        assert min(figures[name] for name in ("precision", "recall", "coverage")) > 0.8
        assert figures["memorised"] < 0.05
    assert result["frechet_judge_distance"] < 3 * real["frechet_judge_distance"]


def test_a_sampler_that_ignores_its_label_is_exposed_by_label_accuracy(reference, real, digits):
    images, label_NA = digits["validation"]
    wrong = np.random.default_rng(0).permutation(label_NA)
    result = reference.measure(images, wrong)
    assert result["label_accuracy"] < 0.3
    assert result["precision"] == pytest.approx(real["precision"], abs=0.1)


def test_a_collapsed_sampler_is_exposed_by_spread_recall_and_coverage(reference, real, collapsed):
    result = reference.measure(*collapsed)
    assert result["label_accuracy"] > 0.95
    assert result["precision"] > 0.8
    assert result["spread"] < 1e-6
    assert result["recall"] < 0.1
    assert result["coverage"] < 0.5 * real["coverage"]


def test_noise_is_exposed(reference, real):
    result = reference.noise(200, seed=0)
    assert result["label_accuracy"] < 0.3
    assert result["precision"] < 0.1
    assert result["density"] < 0.1
    assert result["coverage"] < 0.1
    assert result["frechet_judge_distance"] > 10 * real["frechet_judge_distance"]
    assert result == reference.noise(200, seed=0)
    assert result != reference.noise(200, seed=1)


def test_a_copier_is_exposed_by_memorised_alone(reference, real, digits):
    images, label_NA = digits["training"]
    result = reference.measure(images[100:300], label_NA[100:300])
    assert result["memorised"] == 1
    assert result["label_accuracy"] > 0.95
    assert result["coverage"] > 0.8
    # Three copies among real images that the model has not seen are the nearest three.
    mixed = torch.cat([digits["validation"][0][:50], images[[7, 5, 7]]])
    pairs = reference.nearest_pairs(mixed, 4)
    assert pairs.sample_C[:3].tolist() == [50, 51, 52]
    assert pairs.training_C[:3].tolist() == [7, 5, 7]
    assert (pairs.distance_C[:3] == 0).all()
    assert pairs.distance_C[3] > 0


def test_a_model_without_labels_is_measured_by_the_classes_the_judge_gives(
    reference, digits, collapsed
):
    images, label_NA = digits["validation"]
    result = reference.measure(images, None)
    labelled = reference.measure(images, label_NA)
    assert labelled.keys() - result.keys() == {"label_accuracy"}
    assert result["spread"] == pytest.approx(labelled["spread"], abs=0.05)
    assert result["recall"] == labelled["recall"]
    assert reference.measure(collapsed[0], None)["spread"] < 1e-6


def test_accuracy_is_of_all_attributes():
    class Reader(SmallJudge):
        """Reads both attributes off the items."""

        def features(self, items):
            return nn.functional.one_hot(items, 2).flatten(1).float()

        def logits(self, features_BF):
            return list(features_BF.split(self.classes, 1))

    bits = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    verdict = look(Reader(classes=(2, 2)), bits)
    np.testing.assert_array_equal(verdict.label_NA, bits)
    assert verdict.accuracy(np.array([[0, 0], [0, 0], [1, 0], [0, 0]])) == 0.5


def test_own_vectors_and_own_noise(digits):
    images, label_NA = digits["test"]
    own = Reference(
        judge=SmallJudge().eval(),
        items=images,
        label_NA=label_NA,
        training=digits["training"][0].flatten(1)[:, :10],
        flatten=lambda items: items.flatten(1)[:, :10],
        noise=lambda count, generator: images[torch.randint(0, 9, (count,), generator=generator)],
    )
    assert own.measure(digits["training"][0][:30], None)["memorised"] == 1
    assert own.noise(100, 0)["precision"] == pytest.approx(1, abs=0.3)


def test_recall_of_each_class_tells_which_variety_is_missing(reference, digits):
    images, label_NA = digits["validation"]
    test, test_label_NA = digits["test"]
    names = [str(number) for number in range(10)]
    labelled = Reference(
        judge=reference.judge, items=test, label_NA=test_label_NA,
        training=reference.training_MF, labels={"digit": names},
    )  # fmt: skip
    kept = label_NA[:, 0] != 3
    found = labelled.measure(images[kept], label_NA[kept])
    of_class = {number: found[f"recall/digit={number}"] for number in names}
    complete = labelled.measure(images, label_NA)
    lost = {number: complete[f"recall/digit={number}"] - of_class[number] for number in names}
    assert lost.pop("3") > 0.2 > 2 * max(lost.values())
    # As many real items as samples.
    count_K = np.bincount(test_label_NA[labelled.first[: kept.sum()], 0], minlength=10)
    mean = np.average(list(of_class.values()), weights=count_K)
    assert found["recall"] == pytest.approx(mean)


def test_the_training_part_is_asked_for_once_and_late(digits):
    images, label_NA = digits["test"]
    calls = []

    def training():
        calls.append(1)
        return digits["training"][0].flatten(1)

    late = Reference(judge=SmallJudge(), items=images, label_NA=label_NA, training=training)
    late.labels_for(5)
    assert not calls
    late.measure(images[:30], None)
    late.real()
    assert len(calls) == 1


def test_labels_follow_the_proportions_of_the_test_part(reference):
    labels = reference.labels_for(1000)
    expected = np.bincount(reference.label_NA[reference.first, 0]) / len(reference.first)
    np.testing.assert_allclose(np.bincount(labels[:, 0]) / 1000, expected, atol=0.02)


def test_too_little_is_said(reference, digits):
    images, label_NA = digits["test"]
    with pytest.raises(TooFewSamples, match=r"3 items.*at least 4"):
        Reference(
            judge=reference.judge, items=images[:3], label_NA=label_NA[:3], training=images[:3]
        )
    zeros = np.zeros((5, 1), int)
    with pytest.raises(TooFewSamples, match="spread needs"):
        reference.measure(images[:1], zeros[:1])
    with pytest.raises(TooFewSamples, match=r"precision.*at least 6 samples.*but there are 5"):
        reference.measure(images[:5], zeros)
    reference.measure(images[:6], np.zeros((6, 1), int))


def test_a_diverged_generator_is_said(reference):
    with pytest.raises(NotMeasurable, match=r"not a number.*earlier checkpoint"):
        reference.measure(torch.full((20, 8, 8, 1), torch.nan), None)


# -- GAN-train ----------------------------------------------------------------------------------


def gan_train(samples, label_NA, test, **changes):
    settings = dict(make_judge=SmallJudge, seed=0, epochs=1, device=CPU)
    verdict = learning.gan_train(samples, label_NA, *test, **(settings | changes))
    return verdict.accuracy(test[1])


def test_gan_train_exposes_wrong_labels_collapse_and_missing_classes(digits, collapsed):
    images, label_NA = digits["training"]
    test = digits["test"]
    good = gan_train(images, label_NA, test)
    assert good > 0.9
    assert good == gan_train(images, label_NA, test)
    wrong = np.random.default_rng(0).permutation(label_NA)
    assert gan_train(images, wrong, test) < 0.3
    assert gan_train(*collapsed, test) < good - 0.15
    low = label_NA[:, 0] < 5
    share = (test[1] < 5).mean()
    assert share - 0.1 < gan_train(images[low], label_NA[low], test) <= share


def test_gan_train_says_that_samples_are_too_few(digits):
    images, label_NA = digits["training"]
    with pytest.raises(TooFewSamples, match=r"GAN-train.*\(10\), but there are 9"):
        gan_train(images[:9], label_NA[:9], digits["test"])


# -- what is kept -------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, digits):
    """A cached judge, what it was asked for and what was said."""
    images, label_NA = digits["test"]

    class Cache:
        asked, said = [], []

        def part(self, name):
            self.asked.append(name)
            return images, torch.from_numpy(label_NA)

        def judge(self, **changes):
            self.asked, self.said = [], []
            settings = dict(
                make=SmallJudge, architecture="small-1", key={"data": "x"},
                training=lambda: self.part("training"), test=lambda: self.part("test"),
                seed=0, epochs=1, device=CPU, say=self.said.append,
            )  # fmt: skip
            return cached_judge(tmp_path, **(settings | changes))

    return Cache()


def test_judges_are_cached_with_their_accuracy(cache, digits):
    images, label_NA = digits["test"]
    first = cache.judge()
    assert cache.asked == ["training", "test"]
    assert first.accuracy == look(first.judge, images).accuracy(label_NA) > 0.9
    before = torch.get_rng_state()
    again = cache.judge()
    assert (cache.asked, cache.said) == ([], [])
    assert again.accuracy == first.accuracy
    torch.testing.assert_close(again.judge.state_dict(), first.judge.state_dict(), rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), before)
    for change in (dict(seed=1), dict(architecture="small-2"), dict(key={"data": "y"})):
        cache.judge(**change)
        assert cache.asked == ["training", "test"]
        assert not cache.said  # Absent is no damage.


@pytest.mark.parametrize("damage", ["truncated", "absent", "another shape", "another key"])
def test_a_damaged_judge_is_said_and_trained_again(cache, tmp_path, damage):
    first = cache.judge()
    (weights,) = tmp_path.glob("*/judge.safetensors")
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:50])
    elif damage == "absent":
        weights.unlink()
    elif damage == "another shape":
        from seqgan_kit.files import write_tensors

        write_tensors(weights, SmallJudge(classes=(9,)).state_dict())
    else:
        (weights.parent / "key.json").write_text('{"data": "z"}')
    again = cache.judge()
    (sentence,) = cache.said
    assert "damaged and will be trained again" in sentence
    assert str(weights.parent) in sentence
    assert cache.asked == ["training", "test"]
    torch.testing.assert_close(again.judge.state_dict(), first.judge.state_dict(), rtol=0, atol=0)
    cache.judge()
    assert (cache.asked, cache.said) == ([], [])


def test_a_judge_of_a_version_without_accuracy_is_not_trained_again(cache, tmp_path):
    first = cache.judge()
    (kept,) = tmp_path.glob("*/accuracy.json")
    kept.unlink()
    assert cache.judge().accuracy == first.accuracy
    assert (cache.asked, cache.said) == (["test"], [])
    assert kept.exists()


@pytest.mark.parametrize("damage", ["{", "[]", '{"key": {"data": "z"}, "rows": {}}'])
def test_rows_are_cached_and_damaged_ones_are_said_and_made_again(tmp_path, damage):
    calls, said = [], []

    def rows(**changes):
        settings = dict(key={"data": "x"}, compute=compute, say=said.append)
        return cached_rows(tmp_path / "rows", **(settings | changes))

    def compute():
        calls.append(1)
        return {"real": {"recall": 0.1 + 0.2}}

    assert rows() == rows() == {"real": {"recall": 0.1 + 0.2}}
    assert len(calls) == 1
    (kept,) = (tmp_path / "rows").glob("*.json")
    rows(key={"data": "y"})
    assert (len(calls), said) == (2, [])
    kept.write_text(damage)
    assert rows() == {"real": {"recall": 0.1 + 0.2}}
    assert len(calls) == 3
    (sentence,) = said
    assert "Recomputing cached metrics" in sentence
    assert str(kept) in sentence
    rows()
    assert (len(calls), len(said)) == (3, 1)


# -- values over several sets -------------------------------------------------------------------


def test_sets_are_combined_by_hand():
    values = combine([{"recall": 1.0, "spread": 0.5}, {"recall": 3.0, "spread": 0.5}], 100)
    assert values["recall"].mean == 2
    assert values["recall"].deviation == pytest.approx(np.sqrt(2))
    assert (values["recall"].values, values["recall"].count) == ((1.0, 3.0), 100)
    assert values["spread"].deviation == 0
    assert combine([{"recall": 1.0}], 10)["recall"] == Value(1.0, None, (1.0,), 10)
    with pytest.raises(ValueError, match="same metrics"):
        combine([{"recall": 1.0}, {"spread": 1.0}], 10)
    with pytest.raises(ValueError, match="one or more"):
        combine([], 10)


@pytest.mark.parametrize("values", [(0.1,), (0.1, 0.7, 1 / 3)])
def test_values_go_to_json_and_back(values):
    value = Value.of(values, 100)
    assert Value.from_json(json.loads(json.dumps(value.as_json()))) == value
    broken = value.as_json() | {"mean": "high"}
    with pytest.raises(ValueError, match="not a measured value"):
        Value.from_json(broken)


def test_the_figures_are_explained():
    assert list(FIGURES)[:2] == ["label_accuracy", "gan_train_accuracy"]
    for name, figure in FIGURES.items():
        assert figure.name == name
        assert figure.how.endswith(".")
