"""What a command line asks of a kind of data: samples to write, or a recipe to begin with."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..data.names import safe_cell
from ..errors import UsageError, printable

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Int

    from ..labels import Words

STANDARD_OUTPUT = Path("-")
LONGEST = 80
"""Characters of a recipe's name that come from the name of a file."""

TextFile = Any
"""A text file open for writing; standard output may be of any class."""


@dataclass(frozen=True)
class Option:
    """An option of ``seqgen sample`` that not every kind has.

    Attributes:
        name: without dashes, as in ``noise-scale``.
        help: one sentence.
        type: of its value; a flag has none.
        default: its value where it is not given.
        minimum: smallest value of a number.
        maximum: largest value of a number.
        above: whether the minimum itself is too small.
        metavar: what the help shows in the place of the value.
        shards: whether it says something for samples in shards, too.
    """

    name: str
    help: str
    type: Literal["flag", "int", "float", "text"] = "flag"
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    metavar: str | None = None
    shards: bool = False

    @property
    def key(self) -> str:
        """The name by which :attr:`Asked.options` has its value."""
        return self.name.replace("-", "_")


INTERPOLATE = Option(
    "interpolate",
    "Walk from label A to B (any..any without labels).",
    "text",
    metavar="A..B",
)
PROMPT = Option(
    "prompt",
    "A file whose content is the beginning of the samples.",
    "text",
    metavar="FILE",
)
NOISE_SCALE = Option(
    "noise-scale",
    "Below 1: more typical samples, less variety.",
    "float",
    1.0,
    minimum=0.0,
    maximum=1000.0,
    shards=True,
)


@dataclass(frozen=True)
class Asked:
    """What a command line asks of a sampler.

    Attributes:
        run: the folder of the run.
        labels: the labels, every one if empty.
        count: how many, as the kind counts them; ``None``: the usual number.
        seed: of the noise.
        form: one of the kind's formats, ``""`` where it has none.
        target: where the samples go; ``-`` is standard output.
        named: whether the user named the target.
        force: whether what is there may be replaced.
        safe_cells: whether cells of a CSV that a spreadsheet would run are quoted.
        options: values of the kind's own options.
        say: told of what was done.
    """

    run: Path
    labels: Words
    count: int | None
    seed: int
    form: str
    target: Path
    named: bool = True
    force: bool = False
    safe_cells: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    say: Callable[[str], None] = lambda line: None

    @property
    def piped(self) -> bool:
        """Whether the samples go to standard output."""
        return self.target == STANDARD_OUTPUT

    @property
    def cell(self) -> Callable[[str], str]:
        """Turns text into a cell of a CSV; numbers are never changed."""
        return safe_cell if self.safe_cells else str

    @property
    def may_replace(self) -> bool:
        """Whether files may be overwritten: those in the run folder always, others if forced."""
        return self.force or not self.named

    @property
    def walk(self) -> str | None:
        """The two ends of a walk, ``A..B``, if one is asked for."""
        return self.options.get(INTERPOLATE.key)

    @property
    def prompt(self) -> Path | None:
        """The file with a beginning, if samples are to go on from one.

        Raises:
            UsageError: a walk is asked for, too.
        """
        from ..data.reading import user_path

        given = self.options.get(PROMPT.key)
        if given and self.walk is not None:
            raise UsageError("--prompt and --interpolate cannot be combined; use one of them")
        return user_path(given) if given else None

    @property
    def noise_scale(self) -> float:
        """The factor of the noise."""
        return float(self.options.get(NOISE_SCALE.key, 1.0))

    def walk_ends(
        self, labels: Mapping[str, Sequence[str]]
    ) -> tuple[Int[np.ndarray, " A"], Int[np.ndarray, " A"]]:
        """Return the labels between which to walk.

        Raises:
            UsageError: there are not two, or each is not one label.
            LabelError: the run has no such label.
        """
        from ..labels import parse_labels

        start, dots, end = (self.walk or "").partition("..")
        if not dots or self.labels:
            raise UsageError(
                "--interpolate takes two labels, as in --interpolate "
                f"{_example_of_a_walk(labels)}, and no --label"
            )
        start_NA, end_NA = (parse_labels(name, labels) for name in (start, end))
        for name, rows in ((start, start_NA), (end, end_NA)):
            if len(rows) != 1:
                advice = f"; give each of {', '.join(labels)}" if len(labels) > 1 else ""
                raise UsageError(
                    f"--interpolate: {name!r} names {len(rows)} labels instead of one{advice}"
                )
        return start_NA[0], end_NA[0]


def _example_of_a_walk(labels: Mapping[str, Sequence[str]]) -> str:
    if len(labels) == 1:
        return "3..7"
    ends = [
        ",".join(f"{name}={classes[at]}" for name, classes in labels.items()) for at in (0, -1)
    ]
    return "..".join(ends)


def file_name(path: Path, otherwise: str) -> str:
    """Return the name of a file or folder, without its ending, as a recipe may be called.

    >>> file_name(Path("my notes (2).csv"), "text")
    'my_notes_2'
    """
    name = path.resolve().name if path.is_dir() else path.resolve().stem
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")[:LONGEST] or otherwise


@contextmanager
def text_output(asked: Asked) -> Iterator[TextFile]:
    """Open standard output, or a file that is replaced only once it is complete.

    The encoding is UTF-8 with the same line endings everywhere. What a terminal would obey is
    escaped if it would reach one; a pipe gets every character.
    """
    if not asked.piped:
        from ..files import write_file

        with (
            write_file(asked.target) as draft,
            draft.open("w", encoding="utf-8", errors="replace", newline="") as file,
        ):
            yield file
        return
    if sys.stdout.isatty():
        yield _Terminal(sys.stdout)
        return
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    yield sys.stdout
    sys.stdout.flush()


class _Terminal:
    """A text file that writes without what a terminal would obey."""

    def __init__(self, file: TextFile) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write text; return how many characters of it."""
        self._file.write(printable(text))
        return len(text)


@dataclass(frozen=True)
class Starter:
    """What ``seqgen init`` found, and a first recipe for it.

    Attributes:
        name: of the recipe, as a file's name without its ending.
        found: what was found, in lines for people.
        recipe: from the file that it will be to its commented YAML.
    """

    name: str
    found: str
    recipe: Callable[[Path], str]
