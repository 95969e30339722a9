"""Audio as a kind of data: clips as sequences of frames, samples or tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...kind import Codec, Kind, Measure, StoredCodec
from ...runs.asked import INTERPOLATE, NOISE_SCALE, PROMPT, Asked, Starter
from ...sections import Section
from .schema import (
    AudioCodecRecipe,
    AudioEvaluation,
    NotesData,
    RecordingsData,
    SpokenDigitsData,
    SyntheticDigitsData,
)

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from torch import Tensor

    from ...data.dataset import Dataset
    from ...data.sources import Progress, Source
    from ...measuring.bench import Bench
    from ...recipe.whole import Recipe
    from ...report.page import Panel, TitledPanel
    from ...runs.sampler import Sampler
    from ...runs.samples import Made
    from ...runs.scoring import Scores
    from ...training.run import Run


class Audio(Kind):
    """Audio clips of different lengths."""

    name = "audio"
    sources = {
        "spoken_digits": SpokenDigitsData,
        "spoken_digits_synthetic": SyntheticDigitsData,
        "notes": NotesData,
        "recordings": RecordingsData,
    }
    codecs = {"audio": AudioCodecRecipe}
    evaluation = AudioEvaluation
    place = "clips"
    shown = 1
    saved_as = (".wav", ".flac", "")
    formats = ("wav", "flac", "npy")
    options = (INTERPOLATE, NOISE_SCALE, PROMPT)
    sharded = ".wav"
    about = (
        "Audio goes into a folder: one file per clip, 4 clips of each label, and a manifest.csv "
        "with their labels; or one array of all clips (--format npy: float32 in -1..1, [count, "
        "samples], zero after the end). --out one.wav or one.flac writes one clip to a file, "
        "--out - to standard output. --prompt FILE is a recording that all of them begin with."
    )
    examples = (
        "seqgen sample runs/spoken_digits_mel --label digit=7 -n 4 --out sevens/",
        "seqgen sample runs/spoken_digits_mel --label digit=7,speaker=theo --out seven.wav",
        "seqgen sample runs/spoken_digits_mel --out walks/ \\\n"
        "    --interpolate digit=3,speaker=theo..digit=7,speaker=lucas",
    )

    @property
    def downloads(self) -> Mapping[str, Source]:
        from .sources import SOURCES

        return SOURCES

    def load(self, data: Any, progress: Progress | None = None) -> Dataset:
        from .loading import load

        return load(data, progress)

    def learn(self, recipe: Recipe, dataset: Dataset) -> StoredCodec:
        from .codec import learn_representation
        from .loading import clip_settings

        clips = clip_settings(recipe.data)
        sizes = {"sample_rate": clips.sample_rate, "samples": clips.max_samples}
        settings = recipe.codec.model_dump()["representation"]
        learned = learn_representation(dataset.parts["training"].items, settings, **sizes)
        return StoredCodec(
            {"kind": "audio", **sizes, "peak": clips.peak, "representation": learned}
        )

    def stored(self, codec: str) -> type[Section] | None:
        from .stored import StoredAudio

        return StoredAudio

    def codec(self, stored: StoredCodec) -> Codec:
        from .codec import AudioCodec

        settings = dict(stored.settings)
        settings.pop("kind")
        return AudioCodec(**settings)

    def measure(self, recipe: Recipe, dataset: Dataset) -> Measure:
        from .measure import measure

        return measure(recipe, dataset)

    def draw(self, sampler: Sampler, path: Path) -> None:
        from .drawing import draw_spectrograms

        draw_spectrograms(sampler, path)

    def summary(self, dataset: Dataset, codec: Codec) -> str:
        from .codec import audio_codec
        from .summary import summary

        return summary(dataset, audio_codec(codec))

    def round_trip(self, dataset: Dataset, codec: Codec) -> str:
        from .codec import audio_codec
        from .round_trip import round_trip

        return round_trip(dataset, audio_codec(codec))

    def sheet(self, dataset: Dataset, codec: Codec) -> Image:
        from .codec import audio_codec
        from .summary import contact_sheet

        return contact_sheet(dataset, audio_codec(codec))

    def samples(
        self, bench: Bench, recipe: Recipe, sampler: Sampler, seed: int
    ) -> Mapping[str, Panel]:
        from . import panels

        return panels.samples(bench, recipe, sampler, seed)

    def real_samples(self, bench: Bench) -> Mapping[str, Panel]:
        from . import panels

        return panels.real_samples(bench)

    def single(self, bench: Bench, items: Tensor) -> Sequence[Panel]:
        from . import panels

        return panels.single(bench, items)

    def panels(
        self, bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
    ) -> list[TitledPanel]:
        from . import panels

        return panels.panels(bench, run, recipe, sampler, seed)

    def draw_scores(self, scores: Scores, codec: Codec) -> Image:
        from .codec import audio_codec
        from .drawing import draw_scores

        return draw_scores(scores, audio_codec(codec))

    def draw_pairs(self, real: Tensor, written: Tensor, codec: Codec) -> Image:
        from .codec import audio_codec
        from .drawing import draw_pairs

        return draw_pairs(real, written, audio_codec(codec).sample_rate)

    def read_samples(
        self, path: Path, labels: Path | None, bench: Bench
    ) -> tuple[Tensor, np.ndarray | None]:
        from .foreign import read_samples

        return read_samples(path, labels, bench)

    def starter(self, path: Path) -> Starter | None:
        from .starter import starter

        return starter(path)

    def tiny(self, folder: Path) -> Path:
        from .starter import write_tiny

        return write_tiny(folder)

    def check(self, asked: Asked) -> None:
        from .writing import check

        check(asked)

    def keep(
        self,
        data: Any,
        labels: Mapping[str, Sequence[Any]],
        folder: Path,
        recipe: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        from .memory import keep

        return keep(data, labels, folder, recipe)

    def write_made(self, samples: Made, asked: Asked) -> None:
        from .memory import save

        save(samples, asked)

    def shard(self, samples: Made, first: int) -> Sequence[bytes]:
        from .memory import contents

        return contents(samples)

    def gallery(self, samples: Made) -> Panel:
        from .memory import gallery

        return gallery(samples)

    def write(self, sampler: Sampler, asked: Asked) -> None:
        from .writing import write

        write(sampler, asked)


AUDIO = Audio()
