"""Series of real values as a kind of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...kind import Codec, Kind, Measure, StoredCodec
from ...runs.asked import INTERPOLATE, NOISE_SCALE, PROMPT, Asked, Starter
from ...sections import Section
from .options import ENDINGS, LENGTH, START
from .schema import OwnSeriesData, SeriesCodecRecipe, SeriesEvaluation, SinesData, VowelsData

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame
    from PIL.Image import Image
    from torch import Tensor

    from ...data.dataset import Dataset
    from ...data.sources import Progress
    from ...measuring.bench import Bench
    from ...recipe.whole import Recipe
    from ...report.page import Panel, TitledPanel
    from ...runs.sampler import Sampler
    from ...runs.samples import Made
    from ...runs.scoring import Scores
    from ...training.run import Run


class Series(Kind):
    """Real values of one or more channels over time, of any length."""

    name = "series"
    sources = {"sines": SinesData, "japanese_vowels": VowelsData, "series": OwnSeriesData}
    codecs = {"series": SeriesCodecRecipe}
    evaluation = SeriesEvaluation
    place = "series.png"
    saved_as = ENDINGS
    options = (INTERPOLATE, NOISE_SCALE, PROMPT, START, LENGTH)
    sharded = "parquet"
    about = (
        "Series are written to a .csv (a row for each step), a .npz (`x` [count, time, channels] "
        "padded with 0, `length`, names in `channel`, an array for each attribute), or a .png "
        "(small multiples, over real series if the data are available). --out - writes a table to "
        "standard output. The default is 12 series per label. Where the times of the training "
        "data are regular, a table has such times. --prompt FILE has beginnings, and labels: each "
        "is continued as often as -n says."
    )
    examples = (
        "seqgen sample runs/vowels_series --label 3 -n 100 --out series.csv",
        "seqgen sample runs/vowels_series --out series.png",
        "seqgen sample runs/vowels_series_likelihood --prompt begun.csv -n 20 --out fan.png",
        "seqgen sample runs/vowels_series --length 20..24 -n 50 --out series.csv",
        "seqgen sample runs/sensors_series --start 2026-01-01 --out sensors.csv",
    )

    def load(self, data: Any, progress: Progress | None = None) -> Dataset:
        from .loading import load

        return load(data, progress)

    def recoded(self, shard: Dataset, texts: Mapping[str, Sequence[str]]) -> tuple[Dataset, str]:
        from .assembling import recoded

        return recoded(shard, texts)

    def learn(self, recipe: Recipe, dataset: Dataset) -> StoredCodec:
        from .learning import check_positive, learn_series, learn_sorts, refuse_text

        settings = recipe.codec.model_dump(exclude={"kind"})
        snap = settings.pop("snap")
        refuse_text(dataset, settings["values"], settings["scale"])
        if settings["values"] == "ratio":
            check_positive(dataset)
        sorts = learn_sorts(dataset, settings.pop("channels"))
        training = dataset.parts["training"].items
        learned = learn_series(training, channels=dataset.channels, sorts=sorts, **settings)
        clock = {} if dataset.clock is None else {"clock": asdict(dataset.clock)}
        return StoredCodec({"kind": "series", **learned, "snap": snap, **clock})

    def stored(self, codec: str) -> type[Section] | None:
        from .stored import StoredSeries

        return StoredSeries

    def codec(self, stored: StoredCodec) -> Codec:
        from .codec import SeriesCodec

        settings = dict(stored.settings)
        settings.pop("kind")
        return SeriesCodec(**settings)

    def measure(self, recipe: Recipe, dataset: Dataset) -> Measure:
        from .measure import measure

        return measure(recipe, dataset)

    def run_figures(
        self, bench: Bench, run: Run, recipe: Recipe, sampler: Sampler
    ) -> tuple[Mapping[str, float], int]:
        from ...evaluation.likelihood import chosen_items
        from .codec import series_codec
        from .continuing import continuation_figures
        from .measure import scale_of

        codec = series_codec(sampler.codec)
        if not sampler.generator.writer.feedback or codec.form.scale == "item":
            return {}, 0
        batch = bench.test_batch(run, recipe)
        chosen = chosen_items(len(bench.test), bench.settings.likelihood_items)
        return continuation_figures(sampler, batch, bench.test[chosen], scale_of(bench.dataset))

    def draw(self, sampler: Sampler, path: Path) -> None:
        from .drawing import draw_series

        draw_series(sampler, path)

    def summary(self, dataset: Dataset, codec: Codec) -> str:
        from .codec import series_codec
        from .summary import summary

        return summary(dataset, series_codec(codec))

    def sheet(self, dataset: Dataset, codec: Codec) -> Image:
        from .codec import series_codec
        from .summary import contact_sheet

        return contact_sheet(dataset, series_codec(codec))

    def samples(
        self, bench: Bench, recipe: Recipe, sampler: Sampler, seed: int
    ) -> Mapping[str, Panel]:
        from . import panels

        return panels.samples(bench, recipe, sampler, seed)

    def real_samples(self, bench: Bench) -> Mapping[str, Panel]:
        from . import panels

        return panels.real_samples(bench)

    def panels(
        self, bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
    ) -> list[TitledPanel]:
        from . import panels

        return panels.panels(bench, run, recipe, sampler, seed)

    def draw_scores(self, scores: Scores, codec: Codec) -> Image:
        from .codec import series_codec
        from .drawing import draw_scores

        return draw_scores(scores, series_codec(codec))

    def draw_pairs(self, real: Tensor, written: Tensor, codec: Codec) -> Image:
        from .codec import series_codec
        from .drawing import draw_pairs

        return draw_pairs(real, written, series_codec(codec).channels)

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

        return keep(data, labels, folder)

    def write_made(self, samples: Made, asked: Asked) -> None:
        from .memory import save

        save(samples, asked)

    def shard(self, samples: Made, first: int) -> Mapping[str, Sequence[Any]]:
        from .table_columns import columns

        return columns(samples, first)

    def gallery(self, samples: Made) -> Panel:
        from .memory import gallery

        return gallery(samples)

    def frame(self, samples: Made) -> DataFrame:
        from .memory import frame

        return frame(samples)

    def write(self, sampler: Sampler, asked: Asked) -> None:
        from .writing import write

        write(sampler, asked)


SERIES = Series()
