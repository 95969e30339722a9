"""The figures of series, by hand and by what they must tell apart."""

import numpy as np
import pytest
import torch

from seqgan_kit.evaluation.distribution import NotMeasurable, TooFewSamples
from seqgan_kit.evaluation.judge import look, train_judge
from seqgan_kit.kinds.series.figures import (
    Scale,
    SeriesFigures,
    SeriesJudge,
    autocorrelation,
    autocorrelation_distance,
    discrepancy,
    marginal_distance,
    of_steps,
)
from seqgan_kit.kinds.series.scores import discriminative_score, predictive_score

SCALE = Scale([0.0, 0.0], [1.0, 1.0])


def sines(count, *, seed=0, phase=6.28, noise=0.0):
    """Two channels of 16 steps; some series are shorter."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, phase, (count, 1, 2))
    value = np.sin(np.arange(16)[:, None] * 0.5 + start)
    value += noise * rng.normal(size=value.shape)
    items = torch.from_numpy(value.astype(np.float32))
    length = torch.from_numpy(rng.integers(8, 17, count))
    items[torch.arange(16) >= length[:, None]] = torch.nan
    return items


# -- maximum mean discrepancy -------------------------------------------------------------------


def test_discrepancy_against_the_sums_of_its_definition():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    b = torch.randn(5, 3, generator=generator, dtype=torch.float64) + 0.5
    both = torch.cat([a, b])
    pairs = [(both[i] - both[j]).square().sum() for i in range(12) for j in range(i + 1, 12)]
    width = torch.stack(pairs).median()

    def kernel(x, y):
        return float((-(x - y).square().sum() / (2 * width)).exp())

    inside = sum(kernel(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j) / 42
    other = sum(kernel(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j) / 20
    between = sum(kernel(x, y) for x in a for y in b) / 35
    found, _ = discrepancy(a.float(), b.float())
    assert found == pytest.approx(inside + other - 2 * between, abs=1e-6)


def test_the_permutation_test_holds_its_level_and_finds_a_shift():
    generator = torch.Generator().manual_seed(0)
    chances = []
    for _ in range(40):
        a, b = torch.randn(2, 30, 4, generator=generator)
        chances.append(discrepancy(a, b)[1])
    # Uniform for equal distributions: the mean is one half, give or take .05.
    assert 0.35 < np.mean(chances) < 0.65
    assert np.mean(np.array(chances) < 0.1) < 0.3
    a, b = torch.randn(2, 30, 4, generator=generator)
    distance, chance = discrepancy(a, b + 1.0)
    assert distance > 0.1
    assert chance == pytest.approx(1 / 501)


def test_discrepancy_of_what_is_all_alike():
    same = torch.ones(6, 2)
    assert discrepancy(same, same)[0] == pytest.approx(0.0)
    assert discrepancy(same, same)[1] == 1.0
    with pytest.raises(TooFewSamples):
        discrepancy(same[:1], same)


# -- distances ----------------------------------------------------------------------------------


def test_autocorrelation_by_hand():
    items = torch.tensor([[[1.0], [-1.0], [1.0], [-1.0]]])
    # About the mean 0, relative to a power of 4: three products of -1, two of 1.
    assert autocorrelation(items, 2)[:, 0].tolist() == [-0.75, 0.5]
    # What has ended does not count, and neither does what never changes.
    longer = torch.cat([items, torch.full((1, 2, 1), torch.nan)], 1)
    assert autocorrelation(longer, 2)[:, 0].tolist() == [-0.75, 0.5]
    flat = torch.full((1, 6, 1), 0.1)
    assert np.isnan(autocorrelation(flat, 2)).all()
    both = torch.cat([longer, flat])
    assert autocorrelation(both, 2)[:, 0].tolist() == [-0.75, 0.5]


def test_autocorrelation_distance_is_small_for_equals_and_large_for_noise():
    real, noise = sines(300), torch.randn(300, 16, 2)
    same = autocorrelation_distance(sines(300, seed=1), real)
    other = autocorrelation_distance(noise, real)
    assert same < 0.03 < 0.15 < other


def test_marginal_distance_of_a_shift_is_the_shift():
    items = sines(200)
    assert marginal_distance(items, items) == 0
    assert marginal_distance(items + 0.25, items) == pytest.approx(0.25, abs=1e-5)
    # Of one of two channels, half of it.
    assert marginal_distance(items + torch.tensor([0.5, 0.0]), items) == pytest.approx(0.25)


# -- scores -------------------------------------------------------------------------------------


def test_the_discriminative_score_of_equals_and_of_noise():
    real = sines(200)
    assert discriminative_score(real, sines(200, seed=1), steps=100) < 0.12
    assert discriminative_score(real, torch.randn(200, 16, 2), steps=100) > 0.4


def test_the_discriminative_score_sees_lengths():
    real = sines(200)
    whole = torch.where(real.isnan(), torch.zeros(()), real)
    cut = real.clone()
    cut[:, 8:] = torch.nan
    assert discriminative_score(real, cut, steps=100) > 0.3
    # As many of both sides: a classifier that says the same of all is right in half the cases.
    assert discriminative_score(whole, whole[:40], steps=10) <= 0.5
    with pytest.raises(TooFewSamples, match="needs 4 real series"):
        discriminative_score(real[:3], real, steps=10)


def test_the_predictive_score_is_lower_where_samples_show_how_channels_go_together():
    real = (sines(200, phase=0.3) + 1) / 2
    like = predictive_score((sines(200, seed=1, phase=0.3) + 1) / 2, real, steps=150)
    noise = predictive_score(torch.rand(200, 16, 2), real, steps=150)
    assert like < 0.1 < 0.2 < noise
    alone = predictive_score(real[..., :1], real[..., :1], steps=150)
    assert alone < 0.1
    with pytest.raises(TooFewSamples, match="two steps or more"):
        predictive_score(real[:, :1], real, steps=5)


# -- all together -------------------------------------------------------------------------------


def figures(**settings):
    given = {"training": sines(120, seed=1), "reference": sines(80), "scale": SCALE}
    given |= {"channels": ("a", "b"), "sorts": {}}
    return SeriesFigures(**{**given, "score_steps": 40, **settings})


def test_real_series_stand_between_noise_and_nothing():
    found = figures()
    real, count = found.real(50)
    noise = found.measure(found.noise(60, seed=0))
    assert count == 50
    assert real.keys() == noise.keys()
    for name in ("mmd", "autocorrelation_distance", "marginal_distance", "discriminative_score"):
        assert real[name] < noise[name], name
    assert noise["mmd_p"] < 0.01 < real["mmd_p"]
    # The same seed, the same figures.
    assert found.real(50)[0] == real


def test_noise_is_as_long_as_test_series_and_in_the_range_of_training_series():
    found = figures().noise(500, seed=0)
    length = (~found[..., 0].isnan()).sum(1)
    assert (int(length.min()), int(length.max())) == (8, 16)
    assert found.nan_to_num(0.0).abs().max() <= 1


def test_samples_that_are_no_series():
    found = figures()
    bad = sines(20)
    bad[3, 0] = torch.nan
    with pytest.raises(NotMeasurable, match="diverged"):
        found.measure(bad)
    bad = sines(20)
    bad[3, 2, 1] = torch.nan
    with pytest.raises(NotMeasurable, match="diverged"):
        found.measure(bad)
    bad[3, 2, 1] = torch.inf
    with pytest.raises(NotMeasurable, match="diverged"):
        found.measure(bad)
    with pytest.raises(TooFewSamples):
        found.measure(bad[:0])
    with pytest.raises(TooFewSamples):
        figures(training=sines(0))


# -- the judge ----------------------------------------------------------------------------------


def test_the_judge_learns_and_does_not_care_for_padding():
    items = torch.cat([sines(60, noise=0.1), torch.randn(60, 16, 2)])
    label_NA = torch.arange(2).repeat_interleave(60)[:, None]

    def make():
        return SeriesJudge(classes=(2,), scale=SCALE)

    judge = train_judge(items, label_NA, make=make, seed=0, epochs=1)
    assert look(judge, items).accuracy(label_NA.numpy()) > 0.95
    wider = of_steps(items, 40)
    with torch.no_grad():
        torch.testing.assert_close(judge.features(wider), judge.features(items))


def test_vectors_have_one_width():
    assert SCALE.vectors(sines(3), 20).shape == (3, 40)
    assert SCALE.vectors(sines(3), 10).shape == (3, 20)
    assert torch.isfinite(SCALE.vectors(sines(3), 20)).all()
    # A channel that never changes divides by nothing.
    assert torch.isfinite(Scale([7.0, 0.0], [0.0, 1.0]).vectors(sines(3), 16)).all()
