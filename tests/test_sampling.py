"""Samples: the same for a seed, in constant memory, for the labels asked for."""

import weakref

import numpy as np
import pytest
import torch

import seqgan_kit
from seqgan_kit.kinds.images.codec import RowsCodec
from seqgan_kit.labels import LabelError, Words, parse_labels
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.heads import ContinuousHead
from seqgan_kit.runs import sampler as sampling
from seqgan_kit.runs.sampler import Sampler


def test_swapping_keeps_the_noise_and_changes_the_label(tiny_run):
    sampler = seqgan_kit.load(tiny_run)
    rows_NA = sampler.label_rows(["3", "5"], 1)
    swapped = sampler.swap(rows_NA, count=4, seed=2)
    three, five = swapped.split(4)
    assert (three - five).abs().max() > 0
    alone = sampler.swap(rows_NA[:1], count=4, seed=2)
    assert torch.equal(alone, three)
    same = sampler.swap(np.concatenate([rows_NA[:1], rows_NA[:1]]), count=4, seed=2)
    assert torch.equal(*same.split(4))


def test_opposite_noise_is_walked_through_in_a_line():
    from seqgan_kit.nn.noise import great_circle

    walk = great_circle(torch.tensor([[1.0]]), torch.tensor([[-1.0]]), torch.linspace(0, 1, 5))
    assert walk.abs().max() <= 1


DIGITS = {"digit": [str(n) for n in range(10)]}
TWO = {"digit": ["0", "1", "2"], "speaker": ["ann", "bob"]}


@pytest.mark.parametrize(
    ("wanted", "labels", "expected"),
    [
        (7, DIGITS, [[7]]),
        ("3,7", DIGITS, [[3], [7]]),
        (Words(["3", "1,2"]), DIGITS, [[3], [1], [2]]),
        ("digit=4", DIGITS, [[4]]),
        (None, {"x": ["a", "b"]}, [[0], [1]]),
        ("digit=1", TWO, [[1, 0], [1, 1]]),
        (Words(["digit=2,1", "speaker=bob"]), TWO, [[2, 1], [1, 1]]),
        ("a=b", {"x": ["a=b"]}, [[0]]),
    ],
)
def test_labels(wanted, labels, expected):
    assert parse_labels(wanted, labels).tolist() == expected


@pytest.mark.parametrize(
    ("wanted", "labels", "words"),
    [
        ("11", DIGITS, "no digit '11'; it has 0, 1"),
        ("", DIGITS, "no label was named"),
        ("7", TWO, "say which attribute, as in digit=7"),
        ("colour=red", TWO, "no attribute 'colour'; its attributes are digit, speaker"),
        ("digit=9", TWO, "no digit '9'"),
    ],
)
def test_unknown_labels(wanted, labels, words):
    with pytest.raises(LabelError, match=words):
        parse_labels(wanted, labels)


def sampler(feedback=False):
    torch.manual_seed(0)
    network = RecurrentGenerator(
        head=ContinuousHead(8, 5), classes=(10,), steps=6, hidden_size=8, input_size=8,
        noise_size=4, step_noise_size=2, label_size=4, feedback=feedback,
    )  # fmt: skip
    codec = RowsCodec(height=6, width=5, channels=1)
    return Sampler(network.eval(), codec, DIGITS, torch.device("cpu"))


@pytest.mark.parametrize("feedback", [False, True])
def test_a_seed_gives_the_same_samples_however_many(monkeypatch, feedback):
    monkeypatch.setattr(sampling, "CHUNK", 8)
    make = sampler(feedback)
    many = make.sample(7, count=20, seed=3)
    assert many.shape == (20, 6, 5)
    assert many.dtype == np.float32
    assert many.min() >= 0
    assert many.max() <= 1
    np.testing.assert_array_equal(make.sample(7, count=20, seed=3), many)
    np.testing.assert_allclose(make.sample(7, count=5, seed=3), many[:5], atol=1e-6)
    assert np.abs(make.sample(7, count=20, seed=4) - many).max() > 1e-3
    assert len(np.unique(many.reshape(20, -1), axis=0)) == 20


def test_labels_come_label_by_label():
    make = sampler()
    rows = make.label_rows("3,7", 2)
    assert rows.tolist() == [[3], [3], [7], [7]]
    assert make.sample(None, count=2).shape == (20, 6, 5)
    with pytest.raises(ValueError, match="at least one"):
        make.sample(3, count=0)


def test_less_noise_less_variety():
    make = sampler()
    wide = make.sample(7, count=50).std(0).mean()
    narrow = make.sample(7, count=50, noise_scale=0.3).std(0).mean()
    none = make.sample(7, count=50, noise_scale=0.0).std(0).max()
    assert none < 1e-6 < narrow < 0.6 * wide


def test_interpolation_begins_and_ends_where_it_says():
    make = sampler()
    start, end = np.array([3]), np.array([7])
    walk = make.interpolate(start, end, steps=5, walks=2, seed=1).numpy()
    assert walk.shape == (10, 6, 5, 1)
    other_end = make.interpolate(start, np.array([3]), steps=5, walks=2, seed=1).numpy()
    np.testing.assert_allclose(walk[:2], other_end[:2], atol=1e-6)
    assert np.abs(walk[4] - other_end[4]).max() > 1e-4
    smooth = np.abs(np.diff(other_end[:5], axis=0)).mean((1, 2, 3))
    assert smooth.max() < np.abs(other_end[0] - other_end[4]).mean()
    with pytest.raises(ValueError, match="2 or more"):
        make.interpolate(start, end, steps=1)


def test_memory_does_not_grow_with_the_count(monkeypatch):
    """A chunk is free again once it was handed over."""
    monkeypatch.setattr(sampling, "CHUNK", 50)
    make = sampler()
    alive = []
    for chunk in make.stream(make.label_rows(None, 100)):
        alive = [reference for reference in alive if reference() is not None]
        assert not alive
        alive.append(weakref.ref(chunk))
        assert len(chunk) == 50
        del chunk


def test_python_entry_point(tiny_run):
    make = seqgan_kit.load(tiny_run)
    sevens = make.sample(label=7, count=16, seed=0)
    assert sevens.shape == (16, 8, 8)
    first = seqgan_kit.load(tiny_run, checkpoint=2).sample(label=7, count=16, seed=0)
    assert not np.array_equal(first, sevens)


def test_colour_keeps_its_channels():
    network = RecurrentGenerator(
        head=ContinuousHead(8, 15), classes=(10,), steps=6, hidden_size=8, input_size=8,
        noise_size=4, step_noise_size=2, label_size=4,
    )  # fmt: skip
    codec = RowsCodec(height=6, width=5, channels=3)
    make = Sampler(network.eval(), codec, DIGITS, torch.device("cpu"))
    assert make.sample(1, count=2).shape == (2, 6, 5, 3)
