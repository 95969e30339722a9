"""Images as a kind of data, generated row by row or whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...kind import Codec, Kind, Measure, StoredCodec
from ...runs.asked import INTERPOLATE, NOISE_SCALE, PROMPT, Asked, Option, Starter
from ...sections import Section
from .schema import FolderData, ImageCodecRecipe, NamedData, RowsCodecRecipe

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

SWAP = Option("swap", "Draw the same noise under every label, as a grid.")


class Images(Kind):
    """Grey or colour images of one size."""

    name = "images"
    singular = "image"
    sources = {
        "mnist": NamedData,
        "fashion_mnist": NamedData,
        "digits": NamedData,
        "folder": FolderData,
    }
    codecs = {"rows": RowsCodecRecipe, "image": ImageCodecRecipe}
    place = "grid.png"
    pipes = False
    saved_as = (".png", ".npy", "")
    options = (INTERPOLATE, NOISE_SCALE, SWAP, PROMPT)
    sharded = ".png"
    about = (
        "Images are written to a .png (a grid with one row per label, 12 images each), a .npy "
        "(float32 in 0..1, [count, height, width] if grey, [count, height, width, 3] in colour; "
        "class numbers go to NAME.labels.npy), or a folder of .png files with their labels in a "
        "manifest.csv. --prompt FILE is an image whose first half they all have, or the first "
        "rows of one."
    )
    examples = (
        "seqgen sample runs/mnist_rows --label 3,7 -n 100 --out digits/",
        "seqgen sample runs/mnist_rows -n 1000 --seed 1 --out digits.npy",
        "seqgen sample runs/mnist_rows --interpolate 3..7 --out walk.png",
        "seqgen sample runs/mnist_rows --swap -n 8 --out swap.png",
        "seqgen sample runs/mnist_rows_likelihood --prompt half.png --out completed.png",
    )

    @property
    def downloads(self) -> Mapping[str, Source]:
        from .sources import SOURCES

        return SOURCES

    def load(self, data: Any, progress: Progress | None = None) -> Dataset:
        from .loading import load

        return load(data, progress)

    def settled(self, data: Any, dataset: Dataset) -> Any:
        from .folder import ImageFiles

        items = dataset.parts["training"].items
        assert isinstance(items, ImageFiles), "a folder or a manifest was read"
        decided = {"background": items.look.ground, "depth": items.look.white.bit_length()}
        return data.model_copy(update=decided)

    def learn(self, recipe: Recipe, dataset: Dataset) -> StoredCodec:
        height, width, channels = dataset.parts["training"].items[:1].shape[1:]
        shape = {"height": int(height), "width": int(width), "channels": int(channels)}
        return StoredCodec({**recipe.codec.model_dump(), **shape})

    def stored(self, codec: str) -> type[Section] | None:
        from .stored import StoredImage, StoredRows

        schemas: Mapping[str, type[Section]] = {"rows": StoredRows, "image": StoredImage}
        return schemas[codec]

    def codec(self, stored: StoredCodec) -> Codec:
        from .codec import ImageCodec, RowsCodec

        settings = dict(stored.settings)
        makes = {"rows": RowsCodec, "image": ImageCodec}
        return makes[settings.pop("kind")](**settings)

    def measure(self, recipe: Recipe, dataset: Dataset) -> Measure:
        from ...evaluation.evaluate import flat
        from .judge import ImageJudge

        codec = self.codec(self.learn(recipe, dataset))
        return Measure(
            key="image-1",
            judge=lambda items, classes: ImageJudge(channels=items.shape[-1], classes=classes),
            real=lambda raw: codec.decode(*codec.encode(raw)),
            made=lambda decoded, _: decoded,
            vectors=flat,
        )

    def draw(self, sampler: Sampler, path: Path) -> None:
        from .drawing import draw_grid

        draw_grid(sampler, path)

    def sheet(self, dataset: Dataset, codec: Codec) -> Image:
        from .drawing import contact_sheet

        return contact_sheet(dataset, codec)

    def samples(
        self, bench: Bench, recipe: Recipe, sampler: Sampler, seed: int
    ) -> Mapping[str, Panel]:
        from . import panels

        return panels.samples(bench, recipe, sampler, seed)

    def real_samples(self, bench: Bench) -> Mapping[str, Panel]:
        from . import panels

        return panels.real_samples(bench)

    def single(self, bench: Bench, items: Tensor) -> Sequence[Panel]:
        from ...report.images import panel, picture

        return [panel(picture(image.numpy()), "an image") for image in items]

    def panels(
        self, bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
    ) -> list[TitledPanel]:
        from . import panels

        return panels.panels(bench, run, recipe, sampler, seed)

    def draw_scores(self, scores: Scores, codec: Codec) -> Image:
        from .drawing import draw_scores, enlarged

        return enlarged(draw_scores(scores, codec))

    def draw_pairs(self, real: Tensor, written: Tensor, codec: Codec) -> Image:
        from .drawing import draw_pairs

        return draw_pairs(real, written)

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

    def shard(self, samples: Made, first: int) -> Sequence[bytes]:
        from .memory import contents

        return contents(samples)

    def gallery(self, samples: Made) -> Panel:
        from .memory import gallery

        return gallery(samples)

    def write(self, sampler: Sampler, asked: Asked) -> None:
        from .writing import write

        write(sampler, asked)


IMAGES = Images()
