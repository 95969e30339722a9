"""The rows codec, encoded sequences and the order of batches."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seqgan_kit.data.dataset import DataError, Part
from seqgan_kit.data.loader import GroupedBatches, SequenceStore
from seqgan_kit.kinds.images.codec import RowsCodec

CPU = torch.device("cpu")


def images(count=50, height=4, width=3, channels=1):
    return np.random.default_rng(0).integers(
        0, 256, (count, height, width, channels), dtype=np.uint8
    )


@pytest.mark.parametrize("order", ["top-down", "left-right"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("rows", [1, 2])
def test_rows_there_and_back(order, channels, rows):
    codec = RowsCodec(height=4, width=6, channels=channels, order=order, rows=rows)
    raw = images(width=6, channels=channels)
    x_BTF, mask_BT = codec.encode(raw)
    lines, across = (4, 6) if order == "top-down" else (6, 4)
    assert (codec.steps, codec.features) == (lines // rows, across * channels * rows)
    assert x_BTF.shape == (50, codec.steps, codec.features)
    assert mask_BT.all()
    assert x_BTF.min() == -1
    assert x_BTF.max() == 1
    back = codec.decode(x_BTF, mask_BT)
    np.testing.assert_allclose(back.numpy() * 255, raw, atol=1e-3)


def test_a_step_is_a_row_or_a_column():
    raw = np.zeros((1, 4, 3, 1), np.uint8)
    raw[0, 1, :, 0] = 255
    down, _ = RowsCodec(height=4, width=3, channels=1).encode(raw)
    across, _ = RowsCodec(height=4, width=3, channels=1, order="left-right").encode(raw)
    assert down[0, :, 0].tolist() == [-1, 1, -1, -1]
    assert across[0, 0].tolist() == [-1, 1, -1, -1]


@pytest.mark.parametrize("rows", [1, 2])
def test_the_maps_of_rows_are_the_picture(rows):
    """However many rows a step has, convolutions see the same picture."""
    raw = images(width=6, channels=3)
    codec = RowsCodec(height=4, width=6, channels=3, rows=rows)
    maps = codec.maps(codec.encode(raw)[0])
    np.testing.assert_allclose((maps + 1) * 127.5, raw.transpose(0, 3, 1, 2), atol=1e-3)


def test_rows_that_cannot_be_divided_into_steps_are_refused():
    with pytest.raises(DataError, match=r"codec\.rows: 4 rows cannot be divided into steps of 3"):
        RowsCodec(height=4, width=6, channels=1, rows=3)
    with pytest.raises(DataError, match=r"codec\.rows: 6 columns .* of 4"):
        RowsCodec(height=4, width=6, channels=1, order="left-right", rows=4)


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 3, 1\)"):
        RowsCodec(height=5, width=3, channels=1).encode(images())


def store(labels, budget=2**20, tmp_path=Path("not used")):
    labels = np.asarray(labels, np.int64)
    labels = labels[:, None] if labels.ndim == 1 else labels
    codec = RowsCodec(height=4, width=3, channels=1)
    return SequenceStore(Part(images(len(labels)), labels), codec, CPU, budget, tmp_path)


def test_mapped_sequences_equal_those_in_memory(tmp_path):
    labels = np.arange(50) % 5
    memory, mapped = store(labels), store(labels, budget=100, tmp_path=tmp_path / "scratch")
    assert memory.on_device
    assert not mapped.on_device
    index_B = torch.tensor([3, 49, 0])
    for name in ("x_BTF", "mask_BT", "label_BA"):
        assert torch.equal(
            getattr(memory.batch(index_B), name), getattr(mapped.batch(index_B), name)
        )
    assert not list((tmp_path / "scratch").iterdir())


def test_an_empty_part_is_refused():
    with pytest.raises(DataError, match="empty"):
        store(np.zeros((0, 1), int))


def labels_of(batch, group):
    return batch.label_BA.view(-1, group, batch.label_BA.shape[1])


def test_groups_share_a_class_and_a_pass_repeats_nothing():
    labels = np.random.default_rng(1).integers(0, 3, 90)
    sequences = store(labels)
    batches = GroupedBatches(sequences, batch_size=16, group=4)
    seen = []
    for _ in range(batches.passes):
        batch = batches.next()
        grouped = labels_of(batch, 4)
        assert (grouped == grouped[:, :1]).all()
        seen += [row.numpy().tobytes() for row in batch.x_BTF]
    assert len(set(seen)) == len(seen) == 16 * batches.passes
    order = [batches.next().label_BA for _ in range(3)]
    again = GroupedBatches(sequences, batch_size=16, group=4)
    assert not torch.equal(order[0], again.next().label_BA)  # another pass, another order


def test_groups_share_all_attributes():
    labels = np.stack([np.arange(80) % 2, np.arange(80) // 2 % 2], 1)
    batch = GroupedBatches(store(labels), batch_size=16, group=4).next()
    grouped = labels_of(batch, 4)
    assert (grouped == grouped[:, :1]).all()
    assert len(torch.unique(batch.label_BA, dim=0)) > 1


def test_the_stream_is_taken_up_where_it_was_left():
    sequences = store(np.arange(50) % 5)
    whole = GroupedBatches(sequences, batch_size=16, group=4, seed=7)
    expected = [whole.next().x_BTF for _ in range(9)]
    later = GroupedBatches(sequences, batch_size=16, group=4, seed=7)
    later.drawn = 5
    for x_BTF in expected[5:]:
        assert torch.equal(later.next().x_BTF, x_BTF)
    other = GroupedBatches(sequences, batch_size=16, group=4, seed=8)
    assert not torch.equal(other.next().x_BTF, expected[0])


def test_processes_cut_the_same_batch():
    sequences = store(np.arange(50) % 5)
    joined = GroupedBatches(sequences, batch_size=16, group=4).next()
    parts = [
        GroupedBatches(sequences, batch_size=16, group=4, rank=rank, world=2).next()
        for rank in range(2)
    ]
    assert torch.equal(torch.cat([part.x_BTF for part in parts]), joined.x_BTF)


def test_a_class_smaller_than_a_group_is_repeated():
    batches = GroupedBatches(store([0] * 30 + [1] * 2), batch_size=8, group=4)
    seen = torch.cat([batches.next().label_BA for _ in range(batches.passes * 4)])
    assert (seen == 1).any()


@pytest.mark.parametrize(
    ("size", "world", "words"),
    [(10, 1, "groups of 4"), (12, 2, "multiple of 8"), (64, 1, "batch_size")],
)
def test_impossible_batches_are_refused(size, world, words):
    with pytest.raises(DataError, match=words):
        GroupedBatches(store(np.arange(50) % 5), batch_size=size, group=4, world=world)
