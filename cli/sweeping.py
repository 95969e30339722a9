"""The options of commands that measure runs along settings of their sampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from seqgan_kit.errors import UsageError

from .console import FiniteRange

if TYPE_CHECKING:
    from seqgan_kit.measuring.sweeps import Swept
    from seqgan_kit.report.curves import Knob
    from seqgan_kit.runs.steering import Choose

Command = TypeVar("Command", bound=Callable[..., Any])

KNOBS = {
    "temperature": "--temperatures",
    "guidance": "--guidances",
    "candidates": "--candidates",
}
"""The option of each setting."""

OPTIONS = (
    click.option(
        "--temperatures",
        metavar="FROM:TO:STEP",
        help="Also measure text at these sampling temperatures: quality against diversity.",
    ),
    click.option(
        "--guidances",
        metavar="FROM:TO:STEP",
        help="The same along guidance (see `seqgen sample --guidance`).",
    ),
    click.option(
        "--candidates",
        metavar="N,N,...",
        help="The same along the number of candidates of which one is kept.",
    ),
    click.option(
        "--choose",
        type=click.Choice(["label", "discriminator", "both"]),
        multiple=True,
        help="With --candidates: by what one is kept; several times for several curves [label].",
    ),
    click.option(
        "--power",
        type=FiniteRange(0, 100),
        help="With --candidates: exponent of the label's probability [1].",
    ),
)


def sweep_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def sweeps_of(
    temperatures: str | None,
    guidances: str | None,
    candidates: str | None,
    choose: tuple[Choose, ...],
    power: float | None,
) -> list[Swept]:
    """Return the settings that the options name.

    Raises:
        UsageError: a value cannot be used, or an option says nothing without another.
    """
    from seqgan_kit.measuring.sweeps import Swept, parse_values

    if candidates is None and (choose or power is not None):
        raise UsageError("--choose and --power are about --candidates")
    found = []
    given = (temperatures, guidances, candidates)
    for (knob, option), text in zip(KNOBS.items(), given, strict=True):
        if text is None:
            continue
        name = cast("Knob", knob)
        try:
            values = parse_values(text, name)
        except ValueError as error:
            raise UsageError(f"{option} {error}") from error
        ways: tuple[Choose, ...] = (choose or ("label",)) if name == "candidates" else ("label",)
        found += [Swept(name, values, way, 1.0 if power is None else power) for way in ways]
    return found
