"""Small folders of shards, written as others would write them."""

import io
import json
import tarfile

import numpy as np

from seqgan_kit.recipe import files as recipe_files

from .conftest import tiny

WORDS = ("the", "film", "was", "very", "good", "bad", "and", "long")
OWN = {"series": "vowels_series", "text": "snippets_text_likelihood", "images": "digits_rows",
       "audio": "spoken_digits_mel"}  # fmt: skip
"""A recipe for each kind of shards."""


def add(tar, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def picture(rng):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (8, 8)).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def sound(rng):
    from seqgan_kit.kinds.audio.files import encoded

    time_S = np.arange(1600) / 8000
    return encoded((0.5 * np.sin(2 * np.pi * rng.uniform(200, 900) * time_S)), 8000, "wav")


def write_shard(path, kind, count, rng, label=None):
    """Write a shard of so many items, whose labels are drawn from `a` and `b`, or one of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = [label or "ab"[number] for number in rng.integers(0, 2, count)]
    if kind == "text":
        texts = [" ".join(rng.choice(WORDS, rng.integers(2, 7))) for _ in range(count)]
        write_table(path, {"text": texts, "label": labels})
    elif kind == "series":
        length_N = rng.integers(4, 9, count)
        steps = int(length_N.sum())
        columns = {
            "id": np.repeat(np.arange(count), length_N),
            "time": np.concatenate([np.arange(length) for length in length_N]),
            "label": np.repeat(labels, length_N),
            "value": rng.normal(size=steps),
            "other": rng.normal(size=steps),
        }
        write_table(path, columns)
    else:
        ending, make = {"images": (".png", picture), "audio": (".wav", sound)}[kind]
        with tarfile.open(path, "w") as tar:
            for number, one in enumerate(labels):
                add(tar, f"item{number:04d}{ending}", make(rng))
                add(tar, f"item{number:04d}.json", json.dumps({"label": one}).encode())


def write_table(path, columns):
    import pyarrow as pa
    import pyarrow.parquet

    pa.parquet.write_table(pa.table(columns), path)


def write_shards(folder, kind, *, shards=5, count=24, seed=0):
    """Write shards of a kind; return the folder."""
    ending = "parquet" if kind in ("text", "series") else "tar"
    for number in range(shards):
        rng = np.random.default_rng((seed, number))
        write_shard(folder / f"part-{number:05d}.{ending}", kind, count, rng)
    return folder


DATA = {
    "text": "source: lines, labels: [label]",
    "series": "source: series",
    "images": "source: folder, size: [8, 8]",
    "audio": "source: recordings, max_seconds: 0.256",
}


def recipe_of(kind, root, *overrides, stream="{buffer: 32}", more=""):
    """Return a tiny recipe that streams a folder, with a batch that has no classes in common."""
    name = OWN[kind]
    return recipe_files.load(
        name,
        (
            *tiny(name),
            f"data={{{DATA[kind]}, root: '{root}', stream: {stream}{more}}}",
            "train.class_group=1",
            *overrides,
        ),
    )
