"""Training on a stream: its encoded shards, and batches of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import partial

from .. import __version__
from ..data.dataset import Dataset, fingerprint
from ..data.encoded_shards import EncodedShards, taken
from ..data.sources import cache_folder
from ..data.stream import Stream
from ..data.stream_batches import StreamBatches
from ..data.streamed import reading_key
from ..kind import Codec, StoredCodec
from ..labels import LabelCounts
from ..recipe import Recipe
from ..sections import stream_of
from ..training.runtime import Runtime
from .data import trainable
from .watch import Watch


def encode(
    recipe: Recipe, dataset: Dataset, stored: StoredCodec, codec: Codec, watch: Watch
) -> EncodedShards | None:
    """Encode the shards of a stream, as far as the cache does not have them.

    Returns:
        The encoded shards; None if the data are no stream.

    Raises:
        DataError: a shard is damaged, or does not fit the others; or the cache cannot be written.
    """
    stream, settings = dataset.stream, stream_of(recipe.data)
    if stream is None or settings is None:
        return None
    shards = EncodedShards(
        cache_folder() / "streams" / _key(recipe, stream, stored),
        stream.shards,
        given=lambda shard: taken(
            stream.read(shard), lambda one: trainable(recipe, one, codec)[0]
        ),
        codec=codec,
        most=settings.cache_mb * 2**20,
    )
    progress = watch.download or (lambda *_: None)
    shards.fill(partial(progress, "encoded shards"), watch.say)
    if left_out := sum(one.left_out for one in shards.about):
        watch.say(f"{left_out:,} items of the shards are left out, which the codec does not take")
    noted: Counter[str] = Counter()
    for one in shards.about:
        noted.update(one.noted)
    for what, count in noted.items():
        watch.say(f"{what} left out of all training shards: {count:,}")
    if empty := sum(not one.count for one in shards.about):
        watch.say(f"{empty} of {len(shards.about)} shards have no item that can be used")
    if again := sum(bool(one.count) and not one.kept for one in shards.about):
        watch.say(
            f"{again} of {len(shards.about)} shards do not fit into the cache (data.stream."
            "cache_mb, or the disk), and are encoded whenever they are read"
        )
    return shards


def _key(recipe: Recipe, stream: Stream, stored: StoredCodec) -> str:
    """Return what encoded items depend on beside the content of their shard."""
    files = {name: hashlib.sha256(content).hexdigest() for name, content in stored.files.items()}
    shared = stream.shared
    return fingerprint(
        __version__,
        reading_key(stream.reader.data),
        json.dumps([dict(stored.settings), files], sort_keys=True),
        recipe.codec.model_dump_json(),
        [(name, tuple(names)) for name, names in shared.labels.items()],
        [(name, tuple(names)) for name, names in shared.categories.items()],
    )


def batches_of(
    shards: EncodedShards, recipe: Recipe, runtime: Runtime
) -> tuple[StreamBatches, LabelCounts]:
    """Return the batches of a run, and how often each combination of labels occurs.

    Raises:
        DataError: the batch size does not fit processes, groups or data.
    """
    settings = stream_of(recipe.data)
    assert settings is not None, "the shards are those of a stream"
    batches = StreamBatches(
        shards,
        batch_size=recipe.train.batch_size,
        buffer=settings.buffer,
        device=runtime.device,
        conditional=recipe.conditional,
        group=recipe.train.class_group,
        seed=recipe.seed,
        rank=runtime.rank,
        world=runtime.world,
    )
    return batches, counts_of(shards, conditional=recipe.conditional)


def counts_of(shards: EncodedShards, *, conditional: bool) -> LabelCounts:
    """Return how often each combination of labels occurs, as the networks see them."""
    return shards.label_counts if conditional else [([0], int(shards.count_S.sum()))]
