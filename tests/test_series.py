"""The codec of series, and how data sets of series are read."""

import numpy as np
import pytest
import torch

from seqgan_kit.batch import full_mask
from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.unequal import as_objects, lengths, padded, unpadded
from seqgan_kit.kinds.series.codec import SeriesCodec
from seqgan_kit.kinds.series.datasets import japanese_vowels, own_series, sines
from seqgan_kit.kinds.series.items import Columns
from seqgan_kit.kinds.series.learning import learn_series


def some_series(lengths=(3, 5, 4), channels=3):
    generator = np.random.default_rng(0)
    return as_objects(
        [generator.normal(size=(n, channels)).astype(np.float32) * [1, 5, 2] for n in lengths]
    )


def learned(items, **settings):
    names = [f"c{n}" for n in range(items[0].shape[1])]
    given = {"normalize": "min-max", "deviations": 3.0, "max_length": None, **settings}
    return learn_series(items, channels=names, **given)


# -- the codec ----------------------------------------------------------------------------------


@pytest.mark.parametrize("normalize", ["min-max", "standard"])
def test_a_round_trip_gives_the_series_back(normalize):
    items = some_series()
    codec = SeriesCodec(**learned(items, normalize=normalize, deviations=4.0))
    x_BTF, mask_BT = codec.encode(items)
    assert x_BTF.shape == (3, 5, 4)
    assert mask_BT.all()
    assert x_BTF.abs().max() <= 1
    back = codec.present(codec.decode(x_BTF, mask_BT))
    assert [len(one) for one in back] == [3, 5, 4]
    for one, other in zip(items, back, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)


def test_the_end_is_a_channel_and_nothing_lies_behind_it():
    codec = SeriesCodec(**learned(some_series()))
    x_BTF, mask_BT = codec.encode(some_series())
    assert x_BTF[0, :, -1].tolist() == [1, 1, 1, -1, -1]
    assert not x_BTF[0, 3:, :-1].any()
    # A generator's values are not that clean, and after the end it may say what it likes.
    x_BTF[0, :, -1] = torch.tensor([0.2, 0.9, -0.1, 0.8, -1])
    assert lengths(codec.decode(x_BTF, mask_BT)).tolist() == [2, 5, 4]
    x_BTF[..., -1] = -1
    assert lengths(codec.decode(x_BTF, mask_BT)).tolist() == [1, 1, 1]


def test_generated_series_are_ended_and_learn_where():
    codec = SeriesCodec(**learned(some_series()))
    x_BTF = torch.full((1, 5, codec.features), 0.5)
    x_BTF[0, :, -1] = torch.tensor([-0.3, 0.2, -0.1, 0.8, -1])
    x_BTF.requires_grad_()
    made_BTF = codec.exact(x_BTF)
    # The first step always exists; with the third the series is over, whatever is said later.
    assert made_BTF[0, :, -1].tolist() == [1, 1, -1, -1, -1]
    assert made_BTF[0, :, 0].tolist() == [0.5, 0.5, 0, 0, 0]
    assert lengths(codec.decode(made_BTF, full_mask(1, 5))).tolist() == [2]
    (slope_BTF,) = torch.autograd.grad(made_BTF.sum(), x_BTF)
    # What the third step hides: its own values and those of the fourth, and that these exist.
    hidden = 2 + (codec.features - 1) * (0.5 + 0.5) / 2
    assert slope_BTF[0, :, -1].tolist() == [0, 1, hidden, 0, 0]
    assert slope_BTF[0, :, 0].tolist() == [1, 1, 0, 0, 0]


def test_series_of_one_length_have_no_channel_for_the_end_and_are_one_array():
    items = some_series((4, 4, 4))
    codec = SeriesCodec(**learned(items))
    assert (codec.features, codec.ends) == (3, False)
    assert codec.present(codec.decode(*codec.encode(items))).shape == (3, 4, 3)
    # Where more steps are asked for than any series has, lengths are to be learned again.
    assert learned(items, max_length=6)["ends"]
    assert not learned(items, max_length=3)["ends"]


def test_padding_never_enters_what_is_learned():
    short, long = np.full((2, 1), 10.0, np.float32), np.full((50, 1), 12.0, np.float32)
    found = learned(as_objects([short, long]), normalize="standard", deviations=1.0)
    value_S = np.concatenate([short, long]).astype(float)
    assert found["centre"] == pytest.approx([value_S.mean()])
    assert found["scale"] == pytest.approx([value_S.std()])
    bounds = learned(as_objects([short, long]))
    assert bounds["centre"] == pytest.approx([11.0])


def test_large_values_keep_their_small_differences():
    generator = np.random.default_rng(0)
    value = 1e6 + generator.normal(size=(1000, 1))
    found = learned(as_objects([value]), normalize="standard", deviations=1.0)
    assert found["scale"] == pytest.approx([value.std()], rel=1e-6)


def test_a_channel_that_never_changes_comes_back_as_it_was():
    items = as_objects([np.stack([np.full(4, 7.0), np.arange(4.0)], 1)] * 2)
    for normalize in ("min-max", "standard"):
        codec = SeriesCodec(**learned(items, normalize=normalize))
        x_BTF, mask_BT = codec.encode(items)
        assert not x_BTF[..., 0].any()
        # Whatever a network writes there.
        x_BTF[..., 0] = torch.rand(2, 4) * 2 - 1
        assert (codec.decode(x_BTF, mask_BT)[..., 0] == 7).all()


def test_what_lies_beyond_is_cut():
    codec = SeriesCodec(**learned(as_objects([np.array([[-1.0], [1.0]])])))
    far = as_objects([np.array([[9.0], [-9.0], [0.0]])])
    x_BTF, mask_BT = codec.encode(far)
    assert x_BTF[0, :, 0].tolist() == [1, -1]
    assert codec.decode(x_BTF, mask_BT)[0, :, 0].tolist() == pytest.approx([1.05, -1.05])


def test_snapped_values_have_probabilities_under_a_logistic_head():
    from seqgan_kit.nn.heads import LogisticHead

    items = some_series()
    plain, snapped = (SeriesCodec(**learned(items), snap=snap) for snap in (False, True))
    (x, _), (near, _) = plain.encode(items), snapped.encode(items)
    head = LogisticHead(4, 4)
    assert head.covers(near)
    assert not head.covers(x)
    assert (x - near).abs().max() < 1 / 255 + 1e-5


def test_padded_and_unpadded_are_inverse():
    items = some_series((1, 4, 2))
    tensor = padded(list(items))
    assert tensor.shape == (3, 4, 3)
    assert lengths(tensor).tolist() == [1, 4, 2]
    for one, other in zip(items, unpadded(tensor), strict=True):
        np.testing.assert_array_equal(one.astype(np.float32), other)


# -- known data sets ----------------------------------------------------------------------------


def test_sines_are_those_of_the_papers():
    found = sines(definition="rgan", count=500, validation=0.1, test=0.2, seed=0)
    assert {name: len(part) for name, part in found.parts.items()} == {
        "training": 350, "validation": 50, "test": 100,
    }  # fmt: skip
    items = np.stack(list(found.parts["training"].items))
    assert items.shape == (350, 30, 1)
    assert 0.8 < np.abs(items).max() <= 0.9
    # No frequency above five in thirty steps: what lies beyond is leakage of the short window.
    power = np.abs(np.fft.rfft(items[..., 0] * np.hanning(30), axis=1)) ** 2
    assert power[:, 8:].sum() < 0.02 * power.sum()
    again = sines(definition="rgan", count=500, validation=0.1, test=0.2, seed=0)
    assert again.fingerprint == found.fingerprint
    np.testing.assert_array_equal(np.stack(list(again.parts["training"].items)), items)
    other = sines(definition="rgan", count=500, validation=0.1, test=0.2, seed=1)
    assert other.fingerprint != found.fingerprint

    slow = sines(definition="timegan", count=100, validation=0.1, test=0.2, seed=0)
    items = np.stack(list(slow.parts["training"].items))
    assert items.shape == (70, 24, 5)
    assert items.min() >= 0
    assert items.max() <= 1
    # It begins near the middle: phases are small.
    assert np.abs(items[:, 0] - 0.5).max() <= np.sin(0.1) / 2 + 1e-6


def test_japanese_vowels_come_from_a_package():
    pytest.importorskip("aeon", reason="the extra `series` is not installed")
    found = japanese_vowels(root=None, validation=0.1, seed=0)
    assert {name: len(part) for name, part in found.parts.items()} == {
        "training": 243, "validation": 27, "test": 370,
    }  # fmt: skip
    size = [len(one) for part in found.parts.values() for one in part.items[: len(part)]]
    assert (min(size), max(size)) == (7, 29)
    assert list(found.labels["speaker"]) == [str(n) for n in range(1, 10)]
    assert len(found.channels) == 12


def test_japanese_vowels_elsewhere(tmp_path):
    with pytest.raises(DataError, match=r"JapaneseVowels_TRAIN\.ts does not exist"):
        japanese_vowels(root=tmp_path, validation=0.1, seed=0)
    (tmp_path / "JapaneseVowels_TRAIN.ts").write_text("@data\n")
    with pytest.raises(DataError, match="not the published file"):
        japanese_vowels(root=tmp_path, validation=0.1, seed=0)


# -- one's own ----------------------------------------------------------------------------------


def own(root, columns=None, **settings):
    return own_series(root=root, columns=columns or Columns(), **settings)


def sizes(dataset):
    return {name: len(part) for name, part in dataset.parts.items()}


def test_arrays_with_labels_beside_them(tmp_path):
    path = tmp_path / "mine.npy"
    np.save(path, np.random.default_rng(0).normal(size=(40, 6, 2)))
    np.save(tmp_path / "mine.labels.npy", np.arange(40) % 2)
    found = own(path)
    assert sizes(found) == {"training": 32, "validation": 4, "test": 4}
    assert found.labels == {"label": ["0", "1"]}
    assert found.channels == ("channel_0", "channel_1")
    assert found.notes == []
    # Without labels there is one class; one channel needs no third axis.
    np.save(tmp_path / "plain.npy", np.arange(80).reshape(20, 4))
    plain = own(tmp_path / "plain.npy")
    assert plain.labels == {"label": ["any"]}
    assert plain.parts["training"].items[0].shape == (4, 1)


def test_npz_with_lengths_and_names(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(
        path, x=np.ones((30, 5, 2)).cumsum(1), length=np.arange(30) % 5 + 1,
        channel=np.array(["heat", "flow"]), site=np.array(["a", "b", "c"] * 10),
        day=np.arange(30) % 2,
    )  # fmt: skip
    found = own(path)
    assert found.channels == ("heat", "flow")
    assert found.labels == {"site": ["a", "b", "c"], "day": ["0", "1"]}
    assert {len(one) for one in found.parts["training"].items} <= {1, 2, 3, 4, 5}
    one = own(path, Columns(labels=("site",), channels=("flow",)))
    assert (one.channels, list(one.labels)) == (("flow",), ["site"])


def table(tmp_path, rows, name="mine.csv", header="id,time,x,y,label"):
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_long_table(tmp_path):
    rows = [f"{n},{t},{n + t},{t * t},{'ab'[n % 2]}" for n in range(20) for t in range(3 + n % 3)]
    found = own(table(tmp_path, rows))
    assert found.channels == ("x", "y")
    assert found.labels == {"label": ["a", "b"]}
    assert sum(sizes(found).values()) == 20
    assert {len(one) for one in found.parts["training"].items} == {3, 4, 5}
    # Rows of a series need not lie together; other names are said.
    mixed = table(tmp_path, sorted(rows, key=lambda row: row.split(",")[1]), "mixed.csv")
    for one, other in zip(own(mixed).parts["test"].items, found.parts["test"].items, strict=True):
        np.testing.assert_array_equal(one, other)
    renamed = table(tmp_path, rows, "renamed.csv", "who,when,x,y,kind")
    columns = Columns(id="who", time="when", labels=("kind",), channels=("y",))
    assert own(renamed, columns).channels == ("y",)
    assert list(own(renamed, columns).labels) == ["kind"]


def test_ts_files_of_two_parts(tmp_path):
    pytest.importorskip("aeon", reason="the extra `series` is not installed")
    head = (
        "@problemName mine\n@timeStamps false\n@missing true\n@univariate false\n"
        "@dimensions 2\n@equalLength false\n@classLabel true up down\n@data\n"
    )
    rows = "1,2,3:3,2,1:up\n1,?:5,6:down\n" * 10
    (tmp_path / "Mine_TRAIN.ts").write_text(head + rows)
    (tmp_path / "Mine_TEST.ts").write_text(head + rows)
    (tmp_path / "about.md").write_text("hello")
    with pytest.raises(DataError, match=r"Mine_T[A-Z]+.ts: series 1 has no value at step 1"):
        own(tmp_path)
    found = own(tmp_path, missing="forward")
    assert sizes(found) == {"training": 18, "validation": 2, "test": 20}
    assert found.parts["test"].items[1].tolist() == [[1, 5], [1, 6]]
    assert found.labels == {"label": ["down", "up"]}
    assert "about.md" in found.notes[0]
    (tmp_path / "Mine_TRAIN.ts").write_text(head + "1,abc:5,6:down\n")
    with pytest.raises(DataError, match=r"cannot be read as \.ts"):
        own(tmp_path)


def test_windows_of_two_parts_share_no_step(tmp_path):
    np.save(tmp_path / "long.npy", np.arange(1000.0))
    found = own(tmp_path / "long.npy", window=20, stride=5)
    seen = {name: set(np.concatenate(list(part.items[: len(part)])).ravel())
            for name, part in found.parts.items()}  # fmt: skip
    assert not seen["training"] & seen["test"]
    assert not seen["training"] & seen["validation"]
    assert max(seen["training"]) < min(seen["validation"]) <= max(seen["validation"])
    assert max(seen["validation"]) < min(seen["test"])
    assert sizes(found) == {"training": 157, "validation": 17, "test": 17}
    first, second = found.parts["training"].items[:2]
    assert (first[0], second[0], len(first)) == (0, 5, 20)


def test_windows_have_one_label(tmp_path):
    rows = [f"{t},{t % 7},{'day' if t % 100 < 50 else 'night'}" for t in range(1000)]
    path = table(tmp_path, rows, header="time,x,label")
    found = own(path, window=10)
    assert found.labels == {"label": ["day", "night"]}
    assert any("in which the label changes" in note for note in found.notes)
    for value_SC, label_A in zip(
        found.parts["test"].items, found.parts["test"].label_NA, strict=True
    ):
        assert len(value_SC) == 10
        assert label_A in (0, 1)
    with pytest.raises(DataError, match="change of label in every window of the training part"):
        own(path, window=60)
    with pytest.raises(
        DataError, match=r"no column 'id' \(data.id; for one long series set data\.window"
    ):
        own(path)
    with pytest.raises(DataError, match=r"changes from 'day' to 'night' at step 50"):
        own(table(tmp_path, [f"1,{row}" for row in rows], "one.csv", "id,time,x,label"))


def test_missing_values_are_named_or_filled(tmp_path):
    rows = [f"{n},{t},{t if t != 2 else ''},1,a" for n in range(20) for t in range(5)]
    path = table(tmp_path, rows)
    with pytest.raises(
        DataError, match=r"series 0 has no value at step 2 .*of x.*data.missing=forward"
    ):
        own(path)
    assert own(path, missing="forward").parts["test"].items[0][:, 0].tolist() == [0, 1, 1, 3, 4]
    assert own(path, missing="linear").parts["test"].items[0][:, 0].tolist() == [0, 1, 2, 3, 4]
    rows = [f"{n},{t},{'' if t < 2 else t},1,a" for n in range(20) for t in range(5)]
    path = table(tmp_path, rows)
    for missing in ("forward", "linear"):
        first = own(path, missing=missing).parts["test"].items[0]
        assert first[:, 0].tolist() == [2, 2, 2, 3, 4]
    path = table(tmp_path, [f"{n},{t},,1,a" for n in range(20) for t in range(5)])
    with pytest.raises(DataError, match="nor at any other step"):
        own(path, missing="linear")
    path = table(tmp_path, [f"{n},{t},inf,1,a" for n in range(20) for t in range(5)])
    with pytest.raises(DataError, match="infinite value at step 0"):
        own(path, missing="linear")


def ragged(path):
    np.save(path, np.array([np.zeros(2), np.zeros(3)], object), allow_pickle=True)


def padded_without_lengths(path):
    x = np.zeros((20, 5, 1))
    x[3, 2:] = np.nan
    np.save(path, x)


def letters(path):
    np.save(path, np.array([["a", "b"]]))


def one_dimension(path):
    np.save(path, np.zeros(7))


def other_bytes(path):
    path.write_bytes(b"no array")


def short(path):
    np.save(path, np.zeros((2, 3, 1)))


def empty(path):
    np.save(path, np.zeros((0, 3, 1)))


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (ragged, "ragged array.*not supported.*'length'"),
        (padded_without_lengths, r"1 of 20 series end in missing values \(the first is series 3"),
        (letters, "<U1 values; expected numbers"),
        (one_dimension, r"shape \[7\].*for one long series set data.window"),
        (other_bytes, "damaged or not an array"),
        (short, "leave none for the .* part"),
        (empty, "contains no series"),
    ],
)
def test_arrays_that_cannot_be_used(tmp_path, write, words):
    path = tmp_path / "bad.npy"
    write(path)
    with pytest.raises(DataError, match=words):
        own(path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"y": np.zeros(3)}, "no array 'x' with the series; its arrays: y"),
        ({"x": np.zeros((9, 4)), "site": np.zeros(8, int)}, "has 9 series, but site has 8 labels"),
        ({"x": np.zeros((9, 4)), "site": np.zeros((9, 2), int)}, r"site has the shape \[9, 2\]"),
        ({"x": np.zeros((9, 4)), "site": np.full(9, 0.5)}, "site has fractional values"),
        ({"x": np.zeros((9, 4)), "length": np.full(9, 5)}, "is 5 for series 0; expected 1 to 4"),
        ({"x": np.zeros((9, 4)), "length": np.full(8, 2)}, r"'length' is int64 of shape \[8\]"),
        ({"x": np.zeros((9, 4)), "channel": np.array(["a", "b"])}, "2 different names for 1 chan"),
        ({"x": np.zeros((9, 4), complex)}, "complex128 values; expected numbers"),
    ],
)  # fmt: skip
def test_npz_that_cannot_be_used(tmp_path, arrays, words):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=words):
        own(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["1,0,1,1,a", "1,1,abc,1,a"], "line 3: 'abc' in the column 'x' is not a number"),
        (
            ["1,0,1,1,a", "1,2,1,1,a", "1,1,1,1,a"],
            "line 4: the time '1' comes after '2' in series 1",
        ),
        (["1,0,1,1,a", "1,0,1,1,a"], "line 3: the time '0' comes after '0'"),
        (
            ["1,0,1,1,a", "1,noon,1,1,a"],
            "line 3: the time 'noon' does not fit numbers, as those bef",
        ),
        (["1,0,1,1"], "line 2: the number of fields is 4, but the header row has 5"),
        (["1,0,1,1,a", "1,1,1,1,b"], "label changes from 'a' to 'b' at step 1"),
        ([], "contains no series"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, rows, words):
    with pytest.raises(DataError, match=words):
        own(table(tmp_path, rows))


def test_other_ways_to_be_wrong(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        own(tmp_path / "absent.npz")
    (tmp_path / "a.txt").write_text("1 2 3")
    with pytest.raises(
        DataError, match=r"must end in \.npz, \.npy, \.csv, \.tsv, \.parquet, \.ts"
    ):
        own(tmp_path / "a.txt")
    np.save(tmp_path / "long.npy", np.arange(30.0))
    with pytest.raises(DataError, match=r"data.window \(100\) is longer than the training part"):
        own(tmp_path / "long.npy", window=100)
    with pytest.raises(DataError, match=r"data.window \(10\) is longer than the .* part"):
        own(tmp_path / "long.npy", window=10)
    path = table(tmp_path, ["1,1"], "none.csv", "id,time")
    with pytest.raises(DataError, match="no column of values"):
        own(path)
    with pytest.raises(
        DataError, match=r"no column 'hour' \(data.time\); its columns are 'id', 'time'"
    ):
        own(path, Columns(time="hour"))
    np.savez(tmp_path / "named.npz", x=np.zeros((20, 3)))
    with pytest.raises(DataError, match="no array 'site'"):
        own(tmp_path / "named.npz", Columns(labels=("site",)))
    with pytest.raises(DataError, match="no channel 'heat'"):
        own(tmp_path / "named.npz", Columns(channels=("heat",)))
    np.save(tmp_path / "alone.npy", np.zeros((20, 3)))
    with pytest.raises(DataError, match=r"alone.labels.npy with the labels .* does not exist"):
        own(tmp_path / "alone.npy", Columns(labels=("site",)))


def test_parts_must_agree(tmp_path):
    np.save(tmp_path / "train.npy", np.zeros((20, 3, 2)))
    np.save(tmp_path / "test.npy", np.zeros((20, 3, 1)))
    with pytest.raises(
        DataError, match="the training file has the channels and labels channel_0, channel_1"
    ):
        own(tmp_path)


def test_a_constant_channel_is_noted(tmp_path):
    x = np.random.default_rng(0).normal(size=(20, 4, 2))
    x[..., 1] = 3
    np.save(tmp_path / "mine.npy", x)
    assert "channel_1 is constant (3)" in own(tmp_path / "mine.npy").notes[0]
