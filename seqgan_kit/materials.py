"""From a recipe to data, codecs and the eyes that look at what is decoded.

Plain tables, as in :mod:`seqgan_kit.build`: a new data set is an entry in ``DATASETS``, a new kind
of data one in ``CODECS`` and one in ``VIEWS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from . import recipe as schema
from .data import audio, oracle, synthetic_speech, text
from .data.clips import ClipSettings
from .data.dataset import DataError, Dataset, PartName, unlabelled
from .data.image_folder import image_folder
from .data.images import binarized, mnist_like, sklearn_digits
from .data.loader import Codec
from .data.oracle import Oracle
from .data.rows import ImageCodec, RowsCodec
from .data.series import SeriesCodec, learn_series
from .data.series_items import Columns
from .data.series_sets import japanese_vowels, own_series, sines
from .data.sound import AudioCodec, learn_representation
from .data.sources import Progress as DownloadProgress
from .data.tokens import TextCodec, learn_codec, stored_codec
from .data.unequal import padded
from .evaluation.audio import AudioFigures
from .evaluation.distribution import NotMeasurable
from .evaluation.evaluate import flat
from .evaluation.judge import ImageJudge, Judge
from .evaluation.listening import DIGITS, hear_digits, rate_quality
from .evaluation.series import Scale, SeriesFigures, SeriesJudge
from .evaluation.sound_judge import SoundJudge, mel_vectors
from .evaluation.text_figures import TextFigures
from .evaluation.units import unit_items
from .evaluation.word_judge import WordJudge
from .run import Run
from .sampling import Decoder

# -- data sets ----------------------------------------------------------------------------------


def _root(data: Any) -> Path | None:
    return Path(data.root).expanduser() if data.root else None


def _mnist_like(data: Any, progress: DownloadProgress | None) -> Dataset:
    dataset = mnist_like(data.source, _root(data), data.validation, data.seed, progress)
    return dataset if data.binarize is None else binarized(dataset, data.binarize)


def _digits(data: Any, progress: DownloadProgress | None) -> Dataset:
    dataset = sklearn_digits(data.validation, data.seed)
    return dataset if data.binarize is None else binarized(dataset, data.binarize)


def _folder(data: Any, progress: DownloadProgress | None) -> Dataset:
    return image_folder(
        Path(data.root).expanduser(),
        size=data.size,
        colour=data.colour,
        unreadable=data.unreadable,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
    )


def _labelled_text(data: Any, progress: DownloadProgress | None) -> Dataset:
    load = {"snippets": text.snippets, "names": text.names}[data.source]
    return load(
        root=_root(data),
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        progress=progress,
    )


def _captions(data: Any, progress: DownloadProgress | None) -> Dataset:
    return text.coco_captions(
        root=_root(data), validation=data.validation, seed=data.seed, progress=progress
    )


def _lines(data: Any, progress: DownloadProgress | None) -> Dataset:
    return text.text_lines(
        root=Path(data.root).expanduser(),
        text=data.text,
        labels=data.labels,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        unreadable=data.unreadable,
    )


def known_oracle(data: schema.OracleData) -> Oracle:
    """The language model behind the sequences: the published one, or one of its own."""
    root = _root(data)
    return oracle.seeded_oracle(data.seed) if root is None else oracle.published_oracle(root)


def _oracle(data: Any, progress: DownloadProgress | None) -> Dataset:
    return oracle.oracle_dataset(
        oracle=known_oracle(data),
        sequences=data.sequences,
        test=data.test,
        validation=data.validation,
        length=data.length,
        seed=data.seed,
    )


def clip_settings(data: Any) -> ClipSettings:
    """How the recipe's recordings become clips."""
    return ClipSettings(
        sample_rate=data.sample_rate,
        trim_db=data.trim_db,
        peak=data.peak,
        max_seconds=data.max_seconds,
        too_long=data.too_long,
    )


def _spoken_digits(data: Any, progress: DownloadProgress | None) -> Dataset:
    return audio.spoken_digits(
        root=_root(data),
        settings=clip_settings(data),
        validation=data.validation,
        seed=data.seed,
        progress=progress,
    )


def _synthetic_digits(data: Any, progress: DownloadProgress | None) -> Dataset:
    return synthetic_speech.spoken_digits_synthetic(
        settings=clip_settings(data),
        clips_per_digit=data.clips,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        progress=progress,
    )


def _recordings(data: Any, progress: DownloadProgress | None) -> Dataset:
    return audio.recordings(
        root=Path(data.root).expanduser(),
        settings=clip_settings(data),
        labels=data.labels,
        unreadable=data.unreadable,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        progress=progress,
    )


def _sines(data: Any, progress: DownloadProgress | None) -> Dataset:
    return sines(
        definition=data.definition,
        count=data.count,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
    )


def _vowels(data: Any, progress: DownloadProgress | None) -> Dataset:
    return japanese_vowels(root=_root(data), validation=data.validation, seed=data.seed)


def _own_series(data: Any, progress: DownloadProgress | None) -> Dataset:
    return own_series(
        root=Path(data.root).expanduser(),
        columns=Columns(data.id, data.time, data.labels, data.channels),
        window=data.window,
        stride=data.stride,
        missing=data.missing,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
    )


DATASETS: Mapping[str, Callable[[Any, DownloadProgress | None], Dataset]] = {
    "mnist": _mnist_like,
    "fashion_mnist": _mnist_like,
    "digits": _digits,
    "folder": _folder,
    "snippets": _labelled_text,
    "names": _labelled_text,
    "coco_captions": _captions,
    "lines": _lines,
    "oracle": _oracle,
    "spoken_digits": _spoken_digits,
    "spoken_digits_synthetic": _synthetic_digits,
    "recordings": _recordings,
    "sines": _sines,
    "japanese_vowels": _vowels,
    "series": _own_series,
}


def load_dataset(recipe: schema.Recipe, progress: DownloadProgress | None = None) -> Dataset:
    """The data set of a recipe, fetched if need be.

    Raises:
        DataError: it cannot be had or used.
    """
    return DATASETS[recipe.data.source](recipe.data, progress)


def seen(recipe: schema.Recipe, dataset: Dataset) -> Dataset:
    """The data as the networks see them: without labels where the recipe says so."""
    return dataset if recipe.conditional else unlabelled(dataset)


# -- codecs -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredCodec:
    """All that makes a codec again without the data: it is stored in the run.

    Attributes:
        settings: JSON values.
        files: what was learned from the training part, by the name of the file.
    """

    settings: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)


def _image_settings(recipe: schema.Recipe, dataset: Dataset) -> StoredCodec:
    height, width, channels = dataset.parts["training"].items[:1].shape[1:]
    shape = {"height": int(height), "width": int(width), "channels": int(channels)}
    return StoredCodec({**recipe.codec.model_dump(), **shape})


def _learned_tokens(recipe: schema.Recipe, dataset: Dataset) -> StoredCodec:
    settings = recipe.codec.model_dump(exclude={"kind", "too_long"})
    training = dataset.parts["training"]
    learned, files = learn_codec(training.items[: len(training)], **settings)
    return StoredCodec({"kind": "text", **learned}, files)


def _learned_sound(recipe: schema.Recipe, dataset: Dataset) -> StoredCodec:
    clips = clip_settings(recipe.data)
    sizes = {"sample_rate": clips.sample_rate, "samples": clips.max_samples}
    settings = recipe.codec.model_dump()["representation"]
    learned = learn_representation(dataset.parts["training"].items, settings, **sizes)
    return StoredCodec({"kind": "audio", **sizes, "peak": clips.peak, "representation": learned})


def _learned_range(recipe: schema.Recipe, dataset: Dataset) -> StoredCodec:
    settings = recipe.codec.model_dump(exclude={"kind"})
    snap = settings.pop("snap")
    training = dataset.parts["training"].items
    learned = learn_series(training, channels=dataset.channels, **settings)
    return StoredCodec({"kind": "series", **learned, "snap": snap})


LEARNING: Mapping[str, Callable[[schema.Recipe, Dataset], StoredCodec]] = {
    "rows": _image_settings,
    "image": _image_settings,
    "text": _learned_tokens,
    "audio": _learned_sound,
    "series": _learned_range,
}
CODECS: Mapping[str, Callable[[dict[str, Any], Mapping[str, bytes]], Codec]] = {
    "rows": lambda settings, _: RowsCodec(**settings),
    "image": lambda settings, _: ImageCodec(**settings),
    "text": stored_codec,
    "audio": lambda settings, _: AudioCodec(**settings),
    "series": lambda settings, _: SeriesCodec(**settings),
}


def store_codec(recipe: schema.Recipe, dataset: Dataset) -> StoredCodec:
    """What the codec of a recipe is on these data.

    Raises:
        DataError: it cannot be learned from them.
    """
    return LEARNING[recipe.codec.kind](recipe, dataset)


def make_codec(stored: StoredCodec) -> Codec:
    """The codec that was stored.

    Raises:
        FileProblem: one of its files is missing or another.
    """
    settings = dict(stored.settings)
    return CODECS[settings.pop("kind")](settings, stored.files)


def run_codec(run: Run) -> Codec:
    """The codec of a run, from its folder alone.

    Raises:
        FileProblem: one of its files is missing or another.
    """
    return make_codec(StoredCodec(run.info["codec"], run.codec_files()))


def trainable(
    recipe: schema.Recipe, dataset: Dataset, codec: Codec
) -> tuple[Dataset, Sequence[str]]:
    """The data set with only those training items that the codec can take, and notes on that.

    Raises:
        DataError: it can take none.
    """
    if not isinstance(codec, TextCodec) or not isinstance(recipe.codec, schema.TextCodecRecipe):
        return dataset, ()
    training = dataset.parts["training"]
    fits_N = codec.fits(training.items[: len(training)])
    longer = int((~fits_N).sum())
    if not longer:
        return dataset, ()
    limit = f"codec.max_length ({recipe.codec.max_length})"
    if recipe.codec.too_long == "cut":
        return dataset, [f"{longer} training lines have more tokens than {limit} and are cut"]
    if longer == len(training):
        raise DataError(f"every training line has more tokens than {limit}: allow more")
    return dataset.picked("training", np.flatnonzero(fits_N)), [
        f"{longer} training lines have more tokens than {limit} and are left out"
    ]


# -- how things are looked at -------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """How things of a kind are looked at when they are measured.

    Attributes:
        judge: part of the key under which a trained judge is cached.
        make: from the first items and the classes to a judge with fresh weights.
        real: real raw things as items.
        made: things that a codec decoded as items.
        vectors: items as vectors whose distances mean something; ``None`` where there are none.
        lossy: whether real things come back from the codec changed to the judge.
    """

    judge: str
    make: Callable[[Tensor, tuple[int, ...]], Judge]
    real: Callable[[Any], Tensor]
    made: Callable[[Tensor, Decoder], Tensor]
    vectors: Callable[[Tensor], Tensor] | None = flat
    lossy: bool = False


def _image_view(recipe: schema.Recipe, dataset: Dataset) -> View:
    codec = make_codec(store_codec(recipe, dataset))
    return View(
        judge="image-1",
        make=lambda items, classes: ImageJudge(channels=items.shape[-1], classes=classes),
        real=lambda raw: codec.decode(*codec.encode(raw)),
        made=lambda decoded, _: decoded,
    )


def text_codec(codec: object) -> TextCodec:
    """The codec, which is one of text."""
    if not isinstance(codec, TextCodec):
        raise TypeError(f"{type(codec).__name__} is no codec of text")
    return codec


def _text_view(recipe: schema.Recipe, dataset: Dataset) -> View:
    items = partial(unit_items, units=recipe.evaluation.units)
    return View(
        judge=f"words-1-{recipe.evaluation.units}",
        make=lambda _, classes: WordJudge(classes=classes),
        real=lambda raw: items(list(raw)),
        made=lambda decoded, codec: items(text_codec(codec).strings(decoded)),
        vectors=None,
    )


def _sound_view(recipe: schema.Recipe, dataset: Dataset) -> View:
    clips = clip_settings(recipe.data)
    rate, samples = clips.sample_rate, clips.max_samples
    return View(
        judge="sound-2",
        make=lambda _, classes: SoundJudge(classes=classes, sample_rate=rate, samples=samples),
        real=lambda raw: padded(list(raw), samples),
        made=lambda decoded, _: decoded,
        vectors=partial(mel_vectors, sample_rate=rate, samples=samples),
        lossy=True,
    )


def _scale(dataset: Dataset) -> Scale:
    """The units in which series are looked at, whatever the codec of a model does."""
    learned = learn_series(
        dataset.parts["training"].items,
        channels=dataset.channels,
        normalize="standard",
        deviations=1.0,
        max_length=None,
    )
    return Scale(learned["centre"], learned["scale"])


def _series_view(recipe: schema.Recipe, dataset: Dataset) -> View:
    scale = _scale(dataset)
    parts = [part.items[: len(part)] for part in dataset.parts.values()]
    longest = max((len(one) for items in parts for one in items), default=1)
    return View(
        judge="series-1",
        make=lambda _, classes: SeriesJudge(classes=classes, scale=scale),
        real=lambda raw: padded(list(raw), longest),
        made=lambda decoded, _: decoded,
        vectors=partial(scale.vectors, steps=longest),
    )


VIEWS: Mapping[str, Callable[[schema.Recipe, Dataset], View]] = {
    "rows": _image_view,
    "image": _image_view,
    "text": _text_view,
    "audio": _sound_view,
    "series": _series_view,
}


def view(recipe: schema.Recipe, dataset: Dataset) -> View:
    """How what a recipe makes, and its data, are looked at."""
    return VIEWS[recipe.codec.kind](recipe, dataset)


def part_items(dataset: Dataset, view: View, part: PartName) -> tuple[Tensor, np.ndarray]:
    """A part of a data set as items, and its labels."""
    found = dataset.parts[part]
    return view.real(found.items[: len(found)]), found.label_NA


@runtime_checkable
class OwnFigures(Protocol):
    """What measures things of one kind beyond what a judge sees."""

    def measure(self, samples: Tensor, label_NA: np.ndarray | None = None) -> dict[str, float]:
        """The figures of a set of items, and of what they were asked to be, if anything."""
        ...

    def real(self, count: int, seed: int = 0) -> tuple[dict[str, float], int]:
        """The figures of so many real items, and how many there were."""
        ...

    def noise(self, count: int, seed: int) -> Tensor:
        """So many items that show nothing."""
        ...


def _text_figures(
    recipe: schema.Recipe, dataset: Dataset, view: View, test: Tensor, judge: Judge
) -> TextFigures:
    score = None
    if isinstance(recipe.data, schema.OracleData):
        score = _oracle_score(known_oracle(recipe.data), recipe)
    return TextFigures(
        training=part_items(dataset, view, "training")[0],
        reference=test,
        score=score,
    )


def _sound_figures(
    recipe: schema.Recipe, dataset: Dataset, view: View, test: Tensor, judge: Judge
) -> AudioFigures:
    words = next(iter(dataset.labels.values()))
    settings = recipe.evaluation
    if settings.listen and not set(words) <= set(DIGITS):
        raise NotMeasurable(
            "evaluation.listen: the recogniser knows the digits 0 to 9, and the first attribute "
            f"has {', '.join(words[:10])}"
        )
    return AudioFigures(
        training=part_items(dataset, view, "training")[0],
        reference=test,
        label_NA=dataset.parts["test"].label_NA,
        sample_rate=clip_settings(recipe.data).sample_rate,
        judge=judge,
        words=words,
        listen=hear_digits if settings.listen else None,
        rate=rate_quality if settings.quality else None,
    )


def _series_figures(
    recipe: schema.Recipe, dataset: Dataset, view: View, test: Tensor, judge: Judge
) -> SeriesFigures:
    return SeriesFigures(
        training=part_items(dataset, view, "training")[0],
        reference=test,
        scale=_scale(dataset),
        score_steps=recipe.evaluation.score_steps,
    )


OWN_FIGURES: Mapping[str, Callable[[schema.Recipe, Dataset, View, Tensor, Judge], OwnFigures]] = {
    "text": _text_figures,
    "audio": _sound_figures,
    "series": _series_figures,
}


def own_figures(
    recipe: schema.Recipe, dataset: Dataset, view: View, test: Tensor, judge: Judge
) -> OwnFigures | None:
    """What measures this kind of data beyond what a judge sees; ``None`` where nothing does.

    ``test`` are the items of the test part, and ``judge`` the one that reports.
    """
    make = OWN_FIGURES.get(recipe.codec.kind)
    return None if make is None else make(recipe, dataset, view, test, judge)


def _oracle_score(known: Oracle, recipe: schema.Recipe) -> Callable[[Tensor], Tensor]:
    """Nats a token of items under the language model that the data come from."""
    words = [str(number) for number in range(known.vocabulary)]
    number_V, id_V = unit_items(words, recipe.evaluation.units)[:, 0].sort()

    def score(items: Tensor) -> Tensor:
        place = torch.searchsorted(number_V, items).clamp(max=len(number_V) - 1)
        if not bool((number_V[place] == items).all()):
            raise NotMeasurable(
                f"the oracle knows lines of equal length of whole numbers below {len(number_V)}, "
                "and some samples are others"
            )
        return known.nats(id_V[place])

    return score
