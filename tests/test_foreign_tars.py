"""Tar files of others, in the form of WebDataset."""

import json
import tarfile

import numpy as np
import pytest

from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.foreign_tars import unpacked
from seqgan_kit.data.manifests import read_manifest

from .stream_shards import add, picture, sound


def write_tar(path, members):
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            add(tar, name, content)
    return path


def test_tars_of_others_are_read(tmp_path):
    rng = np.random.default_rng(0)
    path = write_tar(
        tmp_path / "a.tar",
        [
            ("train/0001.cls", b"7\n"),
            ("train/0001.png", picture(rng)),
            ("train/0001.txt", b"a caption"),
            ("train/0001.json", json.dumps({"url": "x", "big": {"a": 1}, "n": 2}).encode()),
            ("train/0002.json", json.dumps({"url": "y", "n": 3}).encode()),
            ("train/0002.png", picture(rng)),
            ("train/0002.cls", b"8"),
        ],
    )
    folder = tmp_path / "items"
    folder.mkdir()
    listed = unpacked(path, folder, labels=("cls", "n"), endings=(".jpg",), max_mb=1)
    rows = [json.loads(line) for line in listed.read_text().splitlines()]
    assert rows == [
        {"path": "0000000.png", "n": 2, "cls": "7"}, {"path": "0000001.png", "n": 3, "cls": "8"}
    ]  # fmt: skip
    assert (folder / "0000001.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("../../0.wav", b"")], None),
        ([("0.json", b"{}")], "0 has 0 members that could be the item"),
        ([("0.png", b""), ("0.jpg", b"")], "0 has 2 members that could be the item"),
        ([("0.png", b""), ("0.json", b"{")], "0.json is damaged or not JSON"),
        ([("0.png", b""), ("0.cls", b"\xff")], "0.cls is damaged or not a class"),
        ([("0.png", b"1" * 2**21)], r"would take 2 MB .* data.max_file_mb"),
        ([(f"{n}.png", b"1" * 2**18) for n in range(5)], r"would take 2 MB .* data.max_file_mb"),
        ([("0.png", b""), ("0.json", b"[1]")], "0.json is damaged or not JSON .it is no object"),
        ([("0.png", b""), ("0.json", b'{"a": " "}')], "the label 'a' of 0 is empty"),
        ([], "has no items"),
    ],
)
def test_tars_that_cannot_be_read_are_told(members, said, tmp_path):
    path = write_tar(tmp_path / "a.tar", members)
    folder = tmp_path / "deep" / "items"
    folder.mkdir(parents=True)
    if said is None:
        # A name that leads out of the folder is not used.
        unpacked(path, folder, labels=(), endings=(".wav",), max_mb=1)
        assert sorted(one.name for one in folder.iterdir()) == ["0000000.wav", "manifest.jsonl"]
        return
    with pytest.raises(DataError, match=said):
        unpacked(path, folder, labels=(), endings=(".wav",), max_mb=1)


def test_a_tar_that_was_cut_between_two_items_is_damaged(tmp_path):
    rng = np.random.default_rng(0)
    path = write_tar(tmp_path / "a.tar", [(f"{number}.wav", sound(rng)) for number in range(3)])
    with tarfile.open(path) as tar:
        place = tar.getmembers()[2].offset
    path.write_bytes(path.read_bytes()[:place])
    with pytest.raises(DataError, match=r"is damaged or not a \.tar file \(it has no end\)"):
        unpacked(path, tmp_path, labels=(), endings=(".wav",), max_mb=1)


def test_a_tar_that_unpacks_to_more_than_it_is_is_refused(tmp_path):
    member = tarfile.TarInfo("0.png")
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = header[483:495] * 2  # a piece of nothing
    header[386:398] = header[483:495] = b"00400000000\0"  # at 64 MB, where the file ends
    header[398:410] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    path = tmp_path / "a.tar"
    path.write_bytes(bytes(header) + bytes(1024))
    with tarfile.open(path) as tar:
        assert tar.getmembers()[0].size == 2**26
    with pytest.raises(DataError, match=r"'0\.png' is not a file"):
        unpacked(path, tmp_path, labels=(), endings=(".png",), max_mb=100)


def test_labels_of_a_tar_come_back_as_they_were(tmp_path):
    labels = ("a\rb", 'a "b", c', "1.0", 2.0, 2, "\u2028x", "a")
    members = [
        (f"{number}{ending}", content)
        for number, label in enumerate(labels)
        for ending, content in (
            (".png", b"1"),
            (".json", json.dumps({"label": label, "path": "s3://x"}).encode()),
        )
    ]
    path = write_tar(tmp_path / "a.tar", members)
    listed = unpacked(path, tmp_path, labels=(), endings=(".png",), max_mb=1)
    columns, files = read_manifest(listed, (), "images")
    assert columns == ["label"]
    assert [one.labels[0] for one in files] == [
        "a\rb", 'a "b", c', "1.0", "2", "2", "x", "a"
    ]  # fmt: skip
