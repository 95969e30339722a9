"""The interface of a kind of data: all that is particular to images, text, audio or series.

The toolkit asks a :class:`Kind` wherever data of different kinds want different answers, and never
asks which kind it is. The built-in kinds lie in :mod:`seqgan_kit.kinds`; another one is a package
with an entry point (:mod:`seqgan_kit.plugins`). Importing a kind is to be quick: whatever needs
torch is imported inside of its methods, so that ``seqgen --help`` need not wait for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .codec import Codec as Codec
from .codec import StoredCodec as StoredCodec
from .errors import NotSupported
from .sections import CodecSection, DataSection, EvaluationSection, ModelSection, Section

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame
    from PIL.Image import Image
    from torch import Tensor

    from .data.dataset import Dataset
    from .data.sources import Progress, Source
    from .evaluation.figures import Figure
    from .evaluation.judge import Judge
    from .measuring.bench import Bench
    from .nn.networks import Discriminator, Generator
    from .recipe.whole import Recipe
    from .report.page import Panel, TitledPanel
    from .runs.asked import Asked, Option, Starter
    from .runs.sampler import Sampler
    from .runs.samples import Made
    from .runs.scoring import Scores
    from .training.run import Run

# -- measure --------------------------------------------------------------------------------


@runtime_checkable
class OwnFigures(Protocol):
    """Measures items of one kind beyond what a judge sees."""

    def measure(self, samples: Tensor, label_NA: np.ndarray | None = None) -> dict[str, float]:
        """Measure a set of items, given what they were asked to be, if anything."""
        ...

    def real(self, count: int, seed: int = 0) -> tuple[dict[str, float], int]:
        """Measure so many real items; return the figures and how many items there were."""
        ...

    def noise(self, count: int, seed: int) -> Tensor:
        """Return so many items that show nothing."""
        ...


@dataclass(frozen=True)
class Measure:
    """How the items of one data set are judged and measured.

    An *item* is a decoded sample in the form that a judge reads: one tensor row.

    Attributes:
        key: part of the key under which a trained judge is cached; change it with the judge.
        judge: from some items and the classes to a judge with fresh weights.
        real: raw real data as items.
        made: what a codec decoded as items.
        vectors: items as vectors ``[N, F]`` whose distances mean something; ``None`` where there
            are none (then spread and memorisation are not measured).
        lossy: whether real items look different to the judge after a trip through the codec.
        figures: descriptions of the kind's own figures.
        own: from the training items, the test items and the judge to what measures those;
            ``None``: there are none.
        copied: from items, samples and a reference to how much more of a part of each item the
            samples repeat than the reference does, ``[N]``; ``None``: items have no parts.
        settings: JSON values that the figures depend on beside the data.
        notes: what a reader has to know of the kind's own figures.
        unclaimed: names of figures that would mislead on these data, and are left out; `notes`
            say why.
    """

    key: str
    judge: Callable[[Tensor, tuple[int, ...]], Judge]
    real: Callable[[Any], Tensor]
    made: Callable[[Tensor, Codec], Tensor]
    vectors: Callable[[Tensor], Tensor] | None = None
    lossy: bool = False
    figures: Sequence[Figure] = ()
    own: Callable[[Tensor, Tensor, Judge], OwnFigures] | None = None
    copied: Callable[[Tensor, Tensor, Tensor], np.ndarray] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    unclaimed: Sequence[str] = ()


# -- kind and model -----------------------------------------------------------------------------


class Kind(ABC):
    """A kind of data.

    Attributes:
        name: one word, the same everywhere.
        singular: the same before a noun ("image runs"), where that is another word.
        sources: for each ``data.source`` the schema of its section.
        codecs: for each ``codec.kind`` the schema of its section; the first is the usual one.
        evaluation: schema of the section ``evaluation``.
        downloads: data sets with a known home, for ``seqgen data fetch``.
        preview: ending of the file that :meth:`draw` writes while a run trains.
        place: where under ``RUN/samples`` samples go unless the user says where; ``-`` for
            standard output.
        pipes: whether samples can go to standard output.
        shown: samples of each label that the page of ``seqgen serve`` shows at first.
        saved_as: endings of the files that :meth:`write_made` writes, the usual one first; ``""``
            is a folder.
        formats: what ``--format`` of ``seqgen sample`` can be, the usual one first.
        options: further options of ``seqgen sample``.
        sharded: the form of shards: ``"parquet"``, or the ending of the files in a tar.
        about: for its help: what samples are and where they go, in a few sentences.
        examples: for its help: command lines.
    """

    name: str
    singular: str = ""
    sources: Mapping[str, type[DataSection]]
    codecs: Mapping[str, type[CodecSection]]
    evaluation: type[EvaluationSection] = EvaluationSection
    preview: str = ".png"
    place: str = "samples.png"
    pipes: bool = True
    shown: int = 12
    saved_as: Sequence[str] = ()
    formats: Sequence[str] = ()
    options: Sequence[Option] = ()
    sharded: str = ""
    about: str = ""
    examples: Sequence[str] = ()

    def __init__(self) -> None:
        self.singular = self.singular or self.name

    @property
    def downloads(self) -> Mapping[str, Source]:
        return {}

    # From a recipe to sequences.

    @abstractmethod
    def load(self, data: Any, progress: Progress | None = None) -> Dataset:
        """Load the data set that a ``data`` section names, fetching it if need be.

        Raises:
            DataError: it cannot be had or used.
        """

    @abstractmethod
    def learn(self, recipe: Recipe, dataset: Dataset) -> StoredCodec:
        """Learn the codec of a recipe from the training part.

        Raises:
            DataError: it cannot be learned from these data.
        """

    def stored(self, codec: str) -> type[Section] | None:
        """Return the schema of what :meth:`learn` stores for a codec of this name.

        Settings are checked with it before :meth:`codec` gets them. ``None``: they are not.
        """
        return None

    @abstractmethod
    def codec(self, stored: StoredCodec) -> Codec:
        """Make the codec that was stored.

        Raises:
            FileProblem: one of its files is missing or not the one of the training.
        """

    def trainable(
        self, recipe: Recipe, dataset: Dataset, codec: Codec
    ) -> tuple[Dataset, Sequence[str]]:
        """Leave out training items that the codec cannot take; return notes on that, too.

        Raises:
            DataError: it can take none; ``NoItems`` lets a shard of a stream be empty.
        """
        return dataset, ()

    def settled(self, data: Any, dataset: Dataset) -> Any:
        """Return a ``data`` section with what its first shard decides, for all others."""
        return data

    def recoded(self, shard: Dataset, texts: Mapping[str, Sequence[str]]) -> tuple[Dataset, str]:
        """Return a shard with the texts of its channels in this order, or what prevents it."""
        return shard, ""

    # Measuring and showing.

    @abstractmethod
    def measure(self, recipe: Recipe, dataset: Dataset) -> Measure:
        """Return how items of this data set are judged and measured."""

    @abstractmethod
    def draw(self, sampler: Sampler, path: Path) -> None:
        """Write a file of samples while a run trains, with the ending ``preview``."""

    def summary(self, dataset: Dataset, codec: Codec) -> str:
        """Describe the data beyond counts and labels, for ``seqgen data show``."""
        return ""

    def round_trip(self, dataset: Dataset, codec: Codec) -> str:
        """Describe real items beside what is left of them after the codec and back.

        Raises:
            NotSupported: nothing is lost on the way, or no figure would say what.
        """
        raise NotSupported(f"--codec is not supported for {self.name}")

    def sheet(self, dataset: Dataset, codec: Codec) -> Image:
        """Draw a sheet of training items, for ``seqgen data show --sheet``.

        Raises:
            NotSupported: there is nothing to draw.
        """
        raise NotSupported(f"--sheet is not supported for {self.name}: there is nothing to draw")

    def samples(
        self, bench: Bench, recipe: Recipe, sampler: Sampler, seed: int
    ) -> Mapping[str, Panel]:
        """Return panels of a model's samples for the page, by the name of their class."""
        return {}

    def real_samples(self, bench: Bench) -> Mapping[str, Panel]:
        """Return panels of real test items for the page, by the name of their class."""
        return {}

    def run_figures(
        self, bench: Bench, run: Run, recipe: Recipe, sampler: Sampler
    ) -> tuple[Mapping[str, float], int]:
        """Measure what takes the network itself; also return how many items that was done with."""
        return {}, 0

    def single(self, bench: Bench, items: Tensor) -> Sequence[Panel]:
        """Return a panel of each item by itself, for ``seqgen report --blind``.

        Raises:
            NotSupported: items cannot be shown one by one.
        """
        raise NotSupported(f"--blind is not supported for {self.name}")

    def panels(
        self, bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
    ) -> list[TitledPanel]:
        """Return panels on what a model has learned, for the page."""
        return []

    def draw_scores(self, scores: Scores, codec: Codec) -> Image:
        """Draw items with a discriminator's score of every step, for ``seqgen inspect``.

        Raises:
            NotSupported: such scores cannot be drawn.
        """
        raise NotSupported(f"seqgen inspect is not supported for {self.name}")

    def draw_pairs(self, real: Tensor, written: Tensor, codec: Codec) -> Image:
        """Draw decoded real items beside their reconstructions, for ``seqgen reconstruct``.

        Raises:
            NotSupported: they cannot be drawn.
        """
        raise NotSupported(f"seqgen reconstruct is not supported for {self.name}")

    # A user's own files.

    def keep(
        self,
        data: Any,
        labels: Mapping[str, Sequence[Any]],
        folder: Path,
        recipe: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Write data that are in memory as files that this kind reads.

        Args:
            data: the items, as a user has them.
            labels: for each attribute its name and a value for each item.
            folder: an empty folder for the files.
            recipe: what they are for, before it is checked.

        Returns:
            The section ``data`` of the recipe that reads them.

        Raises:
            DataError: they are not of this kind, or cannot be used.
        """
        raise NotSupported(f"data in memory are not supported for {self.name}: give a file")

    def read_samples(
        self, path: Path, labels: Path | None, bench: Bench
    ) -> tuple[Tensor, np.ndarray | None]:
        """Read samples made elsewhere: items, and what they were asked to be.

        Raises:
            SamplesError: they do not fit the data or each other.
        """
        raise NotSupported(f"--samples PATH is not supported for {self.name}")

    def starter(self, path: Path) -> Starter | None:
        """Look at a user's data and propose a recipe; ``None`` where they are not of this kind.

        Raises:
            DataError: they are of this kind and cannot be used.
        """
        return None

    @abstractmethod
    def tiny(self, folder: Path) -> Path:
        """Write a tiny data set as a user might have it, for tests; return what to give `init`."""

    # Sampling.

    def check(self, asked: Asked) -> None:
        """Refuse what cannot be written, before the network is loaded.

        Raises:
            UsageError: the target or the format does not suit, or exists.
        """
        from .files import refuse_existing

        refuse_existing(asked.target, asked.may_replace)

    def write_made(self, samples: Made, asked: Asked) -> None:
        """Write samples that have been drawn already.

        Raises:
            UsageError: they cannot be written in such a file.
        """
        raise NotSupported(f"samples of {self.name} cannot be saved; use `seqgen sample`")

    def shard(self, samples: Made, first: int) -> Mapping[str, Sequence[Any]] | Sequence[bytes]:
        """Return some samples of a shard: columns of a table, or the contents of files.

        Args:
            samples: the samples.
            first: number of the first of them, among those of all shards.
        """
        raise NotSupported(f"--shards is not supported for {self.name}")

    def drawing(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what options of ``seqgen sample`` mean for :meth:`Sampler.stream`, for shards."""
        return {"noise_scale": options["noise_scale"]} if "noise_scale" in options else {}

    def gallery(self, samples: Made) -> Panel:
        """Return a panel of some samples, for a notebook and for ``seqgen serve``.

        Raises:
            NotSupported: they cannot be shown.
        """
        raise NotSupported(f"samples of {self.name} cannot be shown")

    def frame(self, samples: Made) -> DataFrame:
        """Return samples as a table of pandas; by default a row for each, with its labels.

        Raises:
            DataError: pandas is not installed.
        """
        return samples.table()

    @abstractmethod
    def write(self, sampler: Sampler, asked: Asked) -> None:
        """Write the samples that are asked for.

        Raises:
            UsageError: they cannot be written, or not in such a file.
            LabelError: the run has no such label.
        """


@dataclass(frozen=True)
class Model:
    """A family of networks.

    Attributes:
        name: as ``model.kind`` names it.
        schema: of the section ``model``.
        generator: from the section, the codec and the classes to the network that writes.
        discriminator: likewise to the network that tells real from generated; ``None`` where the
            family has none.
    """

    name: str
    schema: type[ModelSection]
    generator: Callable[[Any, Codec, tuple[int, ...]], Generator]
    discriminator: Callable[[Any, Codec, tuple[int, ...]], Discriminator] | None = None
