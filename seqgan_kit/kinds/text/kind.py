"""Text as a kind of data: lines as sequences of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import NotSupported
from ...kind import Codec, Kind, Measure, StoredCodec
from ...runs.asked import Asked, Option, Starter
from ...sections import Section
from .schema import (
    BracketsData,
    CaptionsData,
    LabelledTextData,
    LinesData,
    OracleData,
    TextCodecRecipe,
    TextEvaluation,
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

TOKENS = (
    Option(
        "temperature",
        "Below 1: more likely tokens, less variety; 0: always the most likely.",
        "float",
        1.0,
        minimum=0.0,
        maximum=1000.0,
        shards=True,
    ),
    Option("top-k", "Draw from the K most likely tokens.", "int", minimum=1.0, shards=True),
    Option(
        "top-p",
        "Draw from the most likely tokens, up to this total probability.",
        "float",
        minimum=0.0,
        maximum=1.0,
        above=True,
        shards=True,
    ),
    Option("prompt", "Text that every line starts with.", "text", ""),
    Option("max-length", "Maximum number of tokens in a line.", "int", minimum=1.0),
    Option("unique", "Leave out duplicate lines."),
)

NOTE = (
    "BLEU uses all {test} test lines as references and rises with their number; Self-BLEU rises "
    "with the number of samples: compare only equal numbers. The row of real data uses as many "
    "training lines as a set has samples, if there are that many; for copies and the oracle it "
    "uses the test part. The units of text are {units} (evaluation.units)."
)


class Text(Kind):
    """Lines of text, with or without labels."""

    name = "text"
    sources = {
        "snippets": LabelledTextData,
        "names": LabelledTextData,
        "peptides": LabelledTextData,
        "coco_captions": CaptionsData,
        "lines": LinesData,
        "oracle": OracleData,
        "brackets": BracketsData,
    }
    codecs = {"text": TextCodecRecipe}
    evaluation = TextEvaluation
    preview = ".txt"
    place = "-"
    saved_as = (".txt", ".jsonl", ".csv")
    formats = ("text", "jsonl", "csv")
    options = TOKENS
    sharded = "parquet"
    about = (
        "Text goes to standard output, or to the file that --out names: one line per sample, or "
        "with labels, tokens and log-likelihood in nats (--format jsonl or csv). The count is "
        "the total number of lines [12]; attributes that --label does not name are drawn with "
        "their frequencies in the training lines."
    )
    examples = (
        "seqgen sample runs/snippets_text --label kind=movie -n 5",
        "seqgen sample runs/snippets_text --label kind=movie,tweet --label sentiment=negative",
        'seqgen sample runs/snippets_text --prompt "the film" --temperature 0.7 --unique',
        "seqgen sample runs/snippets_text -n 1000000 --format jsonl | gzip > lines.jsonl.gz",
    )

    @property
    def downloads(self) -> Mapping[str, Source]:
        from .sources import SOURCES

        return SOURCES

    def load(self, data: Any, progress: Progress | None = None) -> Dataset:
        from .loading import load

        return load(data, progress)

    def learn(self, recipe: Recipe, dataset: Dataset) -> StoredCodec:
        from .codec import learn_codec

        settings = recipe.codec.model_dump(exclude={"kind", "too_long"})
        training = dataset.parts["training"]
        learned, files = learn_codec(training.items[: len(training)], **settings)
        return StoredCodec({"kind": "text", **learned}, files)

    def stored(self, codec: str) -> type[Section] | None:
        from .stored import StoredText

        return StoredText

    def codec(self, stored: StoredCodec) -> Codec:
        from .codec import stored_codec

        return stored_codec(stored.settings, stored.files)

    def trainable(
        self, recipe: Recipe, dataset: Dataset, codec: Codec
    ) -> tuple[Dataset, Sequence[str]]:
        from .loading import trainable

        return trainable(recipe, dataset, codec)

    def measure(self, recipe: Recipe, dataset: Dataset) -> Measure:
        from .measure import measure

        return measure(recipe, dataset, NOTE)

    def draw(self, sampler: Sampler, path: Path) -> None:
        from .writing import write_preview

        write_preview(sampler, path)

    def summary(self, dataset: Dataset, codec: Codec) -> str:
        from .codec import text_codec
        from .summary import summary

        return summary(dataset, text_codec(codec))

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
        raise NotSupported(
            "seqgen inspect draws pictures and is not supported for text; use `seqgen report` to "
            "see the score of every token"
        )

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
        from .memory import columns

        return columns(samples)

    def drawing(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        from .writing import decoding_of

        return {"decoding": decoding_of(options)}

    def gallery(self, samples: Made) -> Panel:
        from .memory import gallery

        return gallery(samples)

    def write(self, sampler: Sampler, asked: Asked) -> None:
        from .writing import write

        write(sampler, asked)


TEXT = Text()
