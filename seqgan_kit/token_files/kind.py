"""What a kind of data needs no code of its own for, where each of its items is a file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..data.dataset import PARTS, DataError, Dataset, Part, fingerprint, held_out
from ..data.label_folders import FileTree, find_files, found_below
from ..data.names import Folders
from ..data.reading import LARGEST_MB, regular_file, user_path
from ..errors import UsageError
from ..evaluation.figures import LENGTH_DISTANCE, Figure
from ..kind import Codec, Kind, Measure, StoredCodec
from ..runs.asked import Asked, Starter, file_name
from ..sections import DataSection, Section, Share

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ..data.sources import Progress
    from ..measuring.bench import Bench
    from ..recipe import Recipe
    from ..report.page import Panel
    from ..runs.sampler import Sampler

SHOWN = 6
"""Items of a class on a page or a sheet."""


class FilesData(DataSection):
    """A folder with one sub-folder of files for each label."""

    own_root: ClassVar[bool] = True

    root: str | None = None
    """A folder with one sub-folder of files for each label, in sub-folders training, validation
    and test where there are such parts."""
    test: Share = 0.1
    """Share of the items for the test, where the folder has no part of that name."""


class TokenFiles(Kind):
    """A kind of data whose items are files; an item is an array ``[t, G]`` of whole numbers.

    Attributes:
        endings: of its files; the first is the one that is written.
        figures: descriptions of what :meth:`figures_of` measures.
        template: a recipe for ``seqgen init``, with ``$name``, ``$root`` and ``$target``.
    """

    endings: Sequence[str]
    figures: Sequence[Figure] = ()
    template: Path | None = None
    pipes = False

    # What only the kind itself knows.

    @abstractmethod
    def read_file(self, path: Path, data: Any) -> np.ndarray:
        """Read an item, as a ``data`` section says; any error means that it cannot be read."""

    @abstractmethod
    def write_file(self, path: Path, items: Sequence[np.ndarray]) -> None:
        """Write items into one file."""

    @abstractmethod
    def picture(self, item: np.ndarray) -> np.ndarray:
        """Draw an item as grey values ``[height, width]`` from 0 to 1, all of one height."""

    def figures_of(
        self, items: Sequence[np.ndarray], test: Sequence[np.ndarray]
    ) -> dict[str, float]:
        """Measure a set of items beside the test part."""
        return {}

    def read(self, path: Path, data: Any) -> np.ndarray:
        """Read an item.

        Raises:
            DataError: it cannot be read.
        """
        regular_file(path, getattr(data, "max_file_mb", LARGEST_MB))
        try:
            return self.read_file(path, data)
        except Exception as error:  # Libraries raise nearly anything on damaged files.
            reason = str(error) or type(error).__name__
            raise DataError(f"{path} cannot be read as one of {self.name}: {reason}") from error

    def save(self, path: Path, items: Sequence[np.ndarray]) -> None:
        """Write items into one file, in a folder that need not be there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.write_file(path, items)

    def make(self, source: str, folder: Path) -> None:
        """Write the files of a data source that needs no folder of the user's.

        Raises:
            DataError: there is no such source, or they cannot be had.
        """
        raise DataError(f"data.root: data.source {source!r} requires a folder")

    # From a recipe to sequences.

    def load(self, data: Any, progress: Progress | None = None) -> Dataset:
        from ..data.unequal import as_objects

        root = self._folder(data, progress)
        try:
            tree, rows = self._rows(root, data)
        except DataError:
            if data.root is not None:
                raise
            # What this program has made, it can make again.
            tree, rows = self._rows(self._folder(data, progress, again=True), data)
        part_N = np.array([part for part, _, _ in rows], object)
        label_NA = np.array([[label] for _, label, _ in rows])
        for part in [part for part in PARTS if part not in tree.parts]:
            left_N = np.flatnonzero(part_N == "training")
            cut_N = held_out(label_NA[left_N], [getattr(data, part)], data.seed)[1]
            part_N[left_N[cut_N]] = part
        item_N = as_objects([item for *_, item in rows])
        contents = [(part, label, item.tolist()) for part, label, item in rows]
        return Dataset(
            root.resolve().name,
            {part: Part(item_N[part_N == part], label_NA[part_N == part]) for part in PARTS},
            {"label": tree.labels},
            fingerprint(tree.labels, part_N.tolist(), contents),
            tree.notes,
        )

    def _rows(self, root: Path, data: Any) -> tuple[FileTree, list[tuple[str, int, np.ndarray]]]:
        """Return the files of a folder, and the part, the label and the item of each."""
        tree = find_files(root, self.endings, self.name)
        return tree, [
            (part, tree.labels.index(label), self.read(path, data))
            for part, by_label in tree.parts.items()
            for label, paths in by_label.items()
            for path in paths
        ]

    def _folder(self, data: Any, progress: Progress | None, again: bool = False) -> Path:
        """Return the user's folder, or one in the cache, which is made once, or again."""
        if data.root is not None:
            return user_path(data.root)
        from filelock import FileLock

        from ..data.sources import cache_folder
        from ..files import write_folder

        folder = cache_folder() / f"{self.name}_{data.source}"
        if folder.exists() and not again:
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{folder.name}.lock"):
            # Another process may have made it meanwhile.
            if again or not folder.exists():
                if progress is not None:
                    progress(f"{self.name} from {data.source} (made once, then cached)", 0, None)
                with write_folder(folder, replace=True) as draft:
                    self.make(data.source, draft)
        return folder

    def learn(self, recipe: Recipe, dataset: Dataset) -> StoredCodec:
        items = list(dataset.parts["training"].items[:])
        if not any(map(len, items)):
            raise DataError(f"{dataset.name} holds nothing to train on: every item is empty")
        known = [np.unique(numbers).tolist() for numbers in np.concatenate(items).T]
        return StoredCodec(
            {"kind": recipe.codec.kind, "steps": max(map(len, items)) + 1, "known": known}
        )

    def stored(self, codec: str) -> type[Section] | None:
        from .stored import StoredNumbers

        return StoredNumbers

    def codec(self, stored: StoredCodec) -> Codec:
        from .codec import KnownNumbers

        return KnownNumbers(steps=stored.settings["steps"], known=stored.settings["known"])

    # Measuring and showing.

    def measure(self, recipe: Recipe, dataset: Dataset) -> Measure:
        from .measuring import measure

        codec = self.codec(self.learn(recipe, dataset))
        figures = (LENGTH_DISTANCE, *self.figures)
        return measure(f"{self.name}-1", codec, figures, self.figures_of)

    def draw(self, sampler: Sampler, path: Path) -> None:
        from ..report.images import save_picture

        save_picture(self._sheet(self._made(sampler, 2, 0)), path)

    def sheet(self, dataset: Dataset, codec: Codec) -> Image:
        from ..report.data import of_each_class

        return self._sheet(dict(zip(*of_each_class(dataset, codec, SHOWN), strict=True)))

    def samples(
        self, bench: Bench, recipe: Recipe, sampler: Sampler, seed: int
    ) -> Mapping[str, Panel]:
        return self._panels(self._made(sampler, SHOWN, seed))

    def real_samples(self, bench: Bench) -> Mapping[str, Panel]:
        from ..pages.choosing_samples import by_first

        label_N = bench.label_NA[:, 0]
        return self._panels({c: bench.test[label_N == n][:SHOWN] for c, n in by_first(bench)})

    def _made(self, sampler: Sampler, count: int, seed: int) -> dict[str, Tensor]:
        """Make samples of each label."""
        import torch

        from ..labels import label_names

        rows_NA = sampler.label_rows(None, 1)
        made = torch.cat(list(sampler.stream(rows_NA.repeat(count, 0), seed=seed)))
        names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA]
        return dict(zip(names, made.split(count), strict=True))

    def _sheet(self, items: Mapping[str, Tensor]) -> Image:
        """Draw items, a row for each name."""
        from ..report.images import grid
        from .codec import unpadded

        drawn = [[self.picture(item) for item in unpadded(rows)] for rows in items.values()]
        width = max(picture.shape[1] for row in drawn for picture in row)
        rows = [np.ones((len(row), row[0].shape[0], width, 1), np.float32) for row in drawn]
        for row, pictures in zip(rows, drawn, strict=True):
            for place, picture in zip(row, pictures, strict=True):
                place[:, : picture.shape[1], 0] = picture
        return grid(rows, list(items))

    def _panels(self, items: Mapping[str, Tensor]) -> dict[str, Panel]:
        from ..report.images import panel

        # One below the other: they are wide.
        return {
            name: panel(self._sheet({f"{n + 1}": row[None] for n, row in enumerate(rows)}), name)
            for name, rows in items.items()
            if len(rows)
        }

    # A user's own files.

    def read_samples(
        self, path: Path, labels: Path | None, bench: Bench
    ) -> tuple[Tensor, np.ndarray | None]:
        from ..measuring.foreign_samples import SamplesError, class_numbers

        files = self._files(path)
        if not files or labels is not None:
            raise SamplesError(
                f"{path}: {self.name} are read from a folder of {', '.join(self.endings)}, in "
                "sub-folders by label where they have labels, and without --labels"
            )
        try:
            items = [self.read(file, bench.recipe.data) for file in files]
        except DataError as error:
            raise SamplesError(str(error)) from error
        named = [file.parent.name for file in files]
        if any(file.parent == path for file in files):
            return bench.measure.real(items), None
        numbers = [class_numbers([name], bench, str(path / name)) for name in named]
        return bench.measure.real(items), np.array(numbers)

    def starter(self, path: Path) -> Starter | None:
        if self.template is None or not self._files(path):
            return None
        tree = find_files(path, self.endings, self.name)
        text = Template(self.template.read_text("utf-8"))
        name, root = file_name(path, self.name), path.resolve()
        return Starter(
            name,
            f"{path}: {len(tree.paths)} {self.name}, labels {', '.join(tree.labels)}",
            lambda target: text.substitute(name=name, root=root, target=target),
        )

    def _files(self, path: Path) -> list[Path]:
        return sorted(found_below(path, self.endings, deepest=None)) if path.is_dir() else []

    # Sampling.

    def check(self, asked: Asked) -> None:
        from ..files import refuse_existing
        from ..runs.targets import refuse_folder

        out = asked.target
        if out.is_dir():
            refuse_folder(asked, lambda file: file.suffix in self.endings, nested=True)
        else:
            refuse_existing(out, asked.may_replace)
        if out.suffix not in ("", self.endings[0]):
            raise UsageError(f"--out {out}: name a {self.endings[0]} file or a folder")

    def write(self, sampler: Sampler, asked: Asked) -> None:
        """Write so many of each label into one file, or one each into a folder by label."""
        from ..files import write_file, write_folder
        from ..labels import label_names
        from .codec import unpadded

        rows_NA = sampler.label_rows(asked.labels or None, asked.count or 1)
        made = [item for c in sampler.stream(rows_NA, seed=asked.seed) for item in unpadded(c)]
        if asked.target.suffix:
            with write_file(asked.target) as draft:
                self.write_file(draft, made)
        else:
            folders = Folders("label")
            with write_folder(asked.target, replace=True) as draft:
                for number, (row, item) in enumerate(zip(rows_NA, made, strict=True)):
                    name = folders.of(" ".join(label_names(row, sampler.labels)))
                    self.save(draft / name / f"{number:04d}{self.endings[0]}", [item])
        asked.say(f"{len(made)} {self.name}, seed {asked.seed}")
