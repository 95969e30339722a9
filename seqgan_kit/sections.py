"""Sections of a recipe: what all share, and the bases that kinds of data and models fill in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

if TYPE_CHECKING:
    from .recipe.whole import Recipe

LARGEST = 2**31 - 1
"""Largest number of anything; beyond it, products of two sizes no longer fit into 64 bits."""

WIDEST = 2**16
"""Largest width of a layer. One matrix of that width takes 16 GB."""

PositiveInt = Annotated[int, Field(ge=1, le=LARGEST)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Width = Annotated[int, Field(ge=1, le=WIDEST)]
OptionalWidth = Annotated[int, Field(ge=0, le=WIDEST)]
Depth = Annotated[int, Field(ge=1, le=64)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0)]
Steps = Literal["values", "tokens", "whole"]
"""What a codec gives: steps of real values, steps that are tokens, or one step that is a whole
array of channels, height and width, for the networks that read and write it at once."""


class Section(BaseModel):
    """A part of a recipe: strict about its keys and their types."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        # A section is compiled when it is first used, most of them as a part of a recipe.
        defer_build=True,
    )


SHOWN = 80
"""Longest value that a message repeats in full."""


def shown(value: object) -> str:
    """Return a value as a message shows it: a long one is cut.

    >>> shown([1, "a"]), len(shown("a" * 1000))
    ("[1, 'a']", 83)
    """
    return shortened(repr(value[: SHOWN + 1] if isinstance(value, str) else value))


def shortened(text: str) -> str:
    """Cut text to what a message repeats."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def first_problem(error: ValidationError, above: str = "") -> str:
    """Say which key a schema refuses, and why: the first one, in one sentence.

    Args:
        error: what the schema raised.
        above: the key whose value was checked.
    """
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in (above, *problem["loc"]) if part != "")
    if problem["type"] == "value_error":
        said = str(problem["ctx"]["error"])
    elif problem["type"] in ("missing", "extra_forbidden"):
        said = "this key is missing" if problem["type"] == "missing" else "unknown key"
    else:
        said = problem["msg"][0].lower() + problem["msg"][1:] + f", not {shown(problem['input'])}"
    return f"{key}: {said}" if key else said


class DataSection(Section):
    """What to learn from: the base of every ``data`` section.

    Attributes:
        own_root: whether ``root`` says which data these are, and not only where they are.
    """

    own_root: ClassVar[bool] = False

    source: str
    """Which data set."""
    root: str | None = None
    """A local folder with its files, instead of the cache or a download."""
    validation: Share = 0.1
    """Share of the training items that is held out of training."""
    numeric: tuple[str, ...] = ()
    """Labels that are numbers, such as an age: networks read their value, and `--label age=63.5`
    asks for any."""
    seed: Seed = 0
    """Seed of the cut into parts; not the run's, so that all runs share one test part."""
    budget_mb: PositiveInt = 2048
    """Encoded sequences up to this size live on the device; larger ones are memory-mapped."""
    max_file_mb: PositiveInt = 1024
    """Memory that the content of one file may take: larger files are refused before they are
    read."""


class StreamSection(Section):
    """How shards are streamed; `{}` takes the defaults."""

    sample: PositiveInt = 50_000
    """Items of each part that are held in memory: what figures compare with, and by default what
    the codec learns from."""
    learn: Literal["sample", "all"] = "sample"
    """What the codec and the names of labels are learned from: the training items in memory, or a
    pass over all training shards."""
    buffer: PositiveInt = 65_536
    """Items among which a batch is drawn at random: neighbours in the order of a pass, which
    shuffles the shards."""
    held_out: PositiveInt = 1
    """Shards for validation, and as many for the test, if the names of shards say nothing."""
    cache_mb: Count = 32_768
    """Encoded items that the cache keeps, memory-mapped; shards beyond are encoded whenever they
    are read."""


class StreamedData(DataSection):
    """A user's own files, which may be shards that are streamed."""

    stream: StreamSection | None = None
    """For more data than fit in memory: `root` is then a folder of shards (Parquet for text and
    series, tar for images and sound), or an address such as `s3://...`, and `{}` is enough."""
    test: Share = 0.1
    """Share of the items for the test."""

    @model_validator(mode="after")
    def _classes_only(self) -> StreamedData:
        if self.stream is not None and self.numeric:
            raise ValueError(
                "numeric is not supported with stream, since not all values are known beforehand: "
                "leave one of them out"
            )
        return self


def stream_of(data: DataSection) -> StreamSection | None:
    """Return how the shards of a ``data`` section are streamed; ``None`` if it names none."""
    return data.stream if isinstance(data, StreamedData) else None


def _separator(value: object) -> object:
    """Accept the name of a tab, which no shell and few people can type."""
    return "\t" if value in ("tab", "\\t") else value


def _known_encoding(name: str) -> str:
    """Check that an encoding is one of text: Python has others, which decode archives."""
    try:
        b"a".decode(name)
    except UnicodeError:
        return name  # It needs more than one byte.
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"{shown(name)} is not an encoding of text; such are utf-8, latin-1, cp1252, utf-16"
        ) from error
    return name


def _column(value: object) -> object:
    """Accept the number of a column, as tables without a header row have it."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Column = Annotated[str, BeforeValidator(_column)]
"""The name of a column of a table, or its number where there is no header row."""


class TableData(StreamedData):
    """What is read from tables: how these are written."""

    separator: (
        Annotated[str, BeforeValidator(_separator), Field(min_length=1, max_length=1)] | None
    ) = None
    """For a table: the character between two cells. If absent: a tab in .tsv, else a comma."""
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    """For text files: their encoding, such as latin-1 or utf-16."""
    header: bool = True
    """For a table: whether its first row names the columns; if not, they are 1, 2 and so on."""


class CodecSection(Section):
    """How data become sequences: the base of every ``codec`` section.

    Attributes:
        ways: for each sort of steps that the codec can give, the settings that give it.
    """

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {}

    kind: str
    """Which codec."""

    @property
    def steps(self) -> Steps:
        """What these settings give; as the codec's only way says, if nothing else is defined."""
        return next(iter(self.ways))

    @property
    def group(self) -> int:
        """Tokens of a step, where steps are tokens."""
        return 1

    def check(self, data: DataSection) -> None:
        """Raise a ValueError if the codec does not suit the data."""


def in_words(settings: Mapping[str, Any], above: str = "codec") -> str:
    """Settings as a message names them.

    >>> in_words({"kind": "rows"})
    "codec.kind 'rows'"
    >>> in_words({"representation": {"kind": "log-mel", "layout": "picture"}})
    "codec.representation.kind 'log-mel' and codec.representation.layout 'picture'"
    """
    found = []
    for key, value in settings.items():
        where = f"{above}.{key}"
        found.append(
            in_words(value, where) if isinstance(value, Mapping) else f"{where} {value!r}"
        )
    return " and ".join(found)


class ModelSection(Section):
    """The networks: the base of every ``model`` section.

    Attributes:
        writes: the sorts of steps that the generator can write.
        objectives: the objectives that can train it.
        networks: names of the networks that are trained.
    """

    writes: ClassVar[Sequence[Steps]] = ()
    objectives: ClassVar[Sequence[str]] = ("gan", "ratio")
    networks: ClassVar[Sequence[str]] = ("generator", "discriminator")

    kind: str
    """Which networks."""

    @property
    def compared(self) -> int:
        """Sequences that the discriminator compares with each other; 0 for none."""
        return 0

    @property
    def exact_likelihood(self) -> bool:
        """Whether the probability of a sequence is defined without noise."""
        return False

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if the networks do not suit codec and objectives."""


class EvaluationSection(Section):
    """How `seqgen evaluate` measures: the base of every `evaluation` section."""

    samples: PositiveInt = 5000
    """Samples in a set."""
    sets: PositiveInt = 3
    """Independent sets, over which a figure's spread is taken."""
    neighbours: PositiveInt = 5
    """k of precision, recall, density and coverage."""
    gan_train_samples: PositiveInt = 20000
    """Samples that a fresh judge is trained on for GAN-train."""
    likelihood_items: PositiveInt = 10000
    """Test items whose likelihood is measured, at most."""
    importance_samples: PositiveInt = 200
    """Codes drawn for an item where only a bound of its likelihood can be computed."""
    judge_seed: Seed = 1
    """Seed of the judge."""
    judge_epochs: PositiveInt = 4
    """Passes over the training items for the judge."""
