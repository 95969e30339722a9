"""Times of the steps of series: read in the usual forms, and checked to rise."""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import numpy as np

from ...data.clock import EPOCH, Clock, Unit
from ...data.dataset import DataError
from ...data.label_folders import natural

Stamped = Sequence[tuple[int, str]]
"""Lines of a table and the times that they have."""

CLOCK = r"(\d{1,4}):(\d\d)(?::(\d\d(?:\.\d+)?))?(?: ?([AaPp])\.?[Mm]\.?)?"
DATE = re.compile(rf"(\d{{1,4}})([/.-])(\d{{1,4}})(?:\2(\d{{1,4}}))?(?:[ T,]+{CLOCK})?")
TIME_OF_DAY = re.compile(CLOCK)
COMPACT = re.compile(r"(?:19|20)\d{6}")
NAMED = (
    "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
    "%B %d %Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y %b", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
"""Dates in which a month has its name."""

CENTURY = 69
"""Two digits from here on are years of the 20th century, as in POSIX."""

LEAP_YEAR = 2000
"""Stands for the year of dates that have none."""

UNEQUAL = 0.5
"""By how much of the median a step may differ, before steps are called unequal: months are equal
enough."""

NUMBERS = "numbers"

EQUAL = 1e-6
"""By how much of it a step may differ in equal ones, for rounding."""


@dataclass(frozen=True)
class Form:
    """A form of times: its name in messages, and what turns a text into a number.

    Seconds, except for numbers, which stay as they are. The reader raises a ``ValueError`` for
    what is in another form.
    """

    name: str
    read: Callable[[str], float]


def check_times(
    path: object, column: str, times: Mapping[str, Stamped], time_format: str | None = None
) -> tuple[list[str], Clock | None]:
    """Check that the times of each series rise.

    Args:
        path: the table, for messages.
        column: its column of times.
        times: lines and times of each series.
        time_format: how times are written, as in ``datetime.strptime``; ``None``: the first of the
            usual forms in which all of them can be read and rise.

    Returns:
        Notes on how they were read, and the clock by which they go, if they are regular.

    Raises:
        DataError: a time is missing, in another form, or not later than the one before.
    """
    for line, text in (one for stamped in times.values() for one in stamped):
        if not text:
            raise DataError(f"{path}, line {line}: no time in the column {column!r}: add it")
    fitting = _fitting(path, times, time_format)
    if not fitting:
        _check_rise(path, {k: [natural(t) for _, t in s] for k, s in times.items()}, times, "")
        return [
            f"{column}: times in no known form, in the order of the rows; data.time_format says "
            "how to read them"
        ], None
    rising = {name: value for name, value in fitting.items() if _falls(value) is None}
    if not rising:
        name, value = next(iter(fitting.items()))
        read_as = "" if name == NUMBERS else f" (read as {' or '.join(fitting)})"
        _check_rise(path, value, times, read_as)
    name, value = next(iter(rising.items()))
    others = [n for n, other in rising.items() if n != NUMBERS and other != value]
    notes = [*_read_as(column, name, others), *_unequal(column, name, value)]
    (_, earliest), *_ = next(iter(times.values()))
    return notes, clock_of(value, name, _offset(earliest, time_format))


def _fitting(
    path: object, times: Mapping[str, Stamped], time_format: str | None
) -> dict[str, dict[str, list[float]]]:
    """Return the values of times in every form in which all can be read.

    Raises:
        DataError: some fit a form, but not all.
    """
    own = None
    if time_format is not None and not _step_numbers(times):
        own = Form(f"{time_format!r}", lambda text: _seconds(_strptime(text, time_format)))
    forms = FORMS if own is None else (own,)
    fitting, longest = {}, (0, 0, "", "")
    for form in forms:
        value: dict[str, list[float]] = {}
        count = 0
        try:
            for key, stamped in times.items():
                value[key] = []
                for last in stamped:
                    value[key].append(form.read(last[1]))
                    count += 1
        except (ValueError, OverflowError):
            longest = max(longest, (count, *last, form.name))
        else:
            fitting[form.name] = value
    count, line, text, name = longest
    if not fitting and (count or time_format is not None):
        what = "data.time_format" if time_format is not None else f"{name}, as those before it"
        raise DataError(
            f"{path}, line {line}: the time {text!r} does not fit {what}: correct it, or name the "
            "form in data.time_format, such as %d.%m.%Y %H:%M"
        )
    return fitting


def _step_numbers(times: Mapping[str, Stamped]) -> bool:
    """Whether times are 0, 1, 2 and so on, as `seqgen sample` writes them."""
    return all([t for _, t in s] == [*map(str, range(len(s)))] for s in times.values())


def _falls(value: Mapping[str, Sequence[Any]]) -> tuple[str, int] | None:
    """Return the first step of a series that is not later than the one before."""
    for key, found in value.items():
        for place in range(1, len(found)):
            if not found[place] > found[place - 1]:
                return key, place
    return None


def _check_rise(
    path: object,
    value: Mapping[str, Sequence[Any]],
    times: Mapping[str, Stamped],
    read_as: str,
) -> None:
    if (found := _falls(value)) is None:
        return
    key, place = found
    (_, before), (line, text) = times[key][place - 1 : place + 1]
    raise DataError(
        f"{path}, line {line}: the time {text!r} comes after {before!r}"
        f"{f' in series {key}' if key else ''}{read_as}: sort the rows of a series by time, "
        "without duplicates, or say in data.time_format how times are written"
    )


def _read_as(column: str, name: str, others: Sequence[str]) -> Iterator[str]:
    """Say in which form times were read, and in which others they would rise, too."""
    if name != NUMBERS:
        more = f" ({' and '.join(others)} would fit, too: see data.time_format)" if others else ""
        yield f"{column}: times read as {name}{more}"


def _unequal(column: str, name: str, value: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Say where steps are unequal."""
    step_S = np.concatenate([np.diff(one) for one in value.values()])
    if not len(step_S):
        return
    median = float(np.median(step_S))
    other = int((np.abs(step_S - median) > UNEQUAL * median).sum())
    if other:
        shown = [_shown(step, name) for step in (median, step_S.min(), step_S.max())]
        yield (
            f"{column}: steps of time are unequal: {shown[0]} at the median, {shown[1]} to "
            f"{shown[2]} ({other:,} of {len(step_S):,} differ); they are read as if they were "
            "equal"
        )


def clock_of(
    value: Mapping[str, Sequence[float]], name: str, offset: float | None = None
) -> Clock | None:
    """Return the clock of times, if their steps are equal.

    Args:
        value: times of each series, as the form of this name reads them.
        name: the form.
        offset: seconds by which their zone is ahead of UTC, if they name one.
    """
    if max(map(len, value.values()), default=0) < 2:
        return None
    if name in UNDATED or ("%" in name and not any(year in name for year in YEARS)):
        return None
    start = next(iter(value.values()))[0]
    step_S = np.concatenate([np.diff(one) for one in value.values()])
    step = float(np.median(step_S))
    if (np.abs(step_S - step) <= EQUAL * step).all():
        unit: Unit = "numbers" if name == NUMBERS else "seconds"
        return Clock(unit, start, step, None if name == NUMBERS else offset)
    if name == NUMBERS:
        return None
    zone = timezone(timedelta(seconds=offset or 0.0))
    moments = [
        [(EPOCH + timedelta(seconds=time)).astimezone(zone) for time in one]
        for one in value.values()
    ]
    first, *others = {months for one in moments for months in _months(one)}
    if others or not first:
        return None
    ends = all(moment.day == _last_day(moment) for one in moments for moment in one)
    return Clock("month-ends" if ends else "months", start, float(first), offset)


def _months(moments: Sequence[datetime]) -> Iterator[int]:
    """Yield the months from each time to the next; 0 where it is not a number of months."""
    for before, after in pairwise(moments):
        months = 12 * (after.year - before.year) + after.month - before.month
        day = after.day == before.day or (
            after.day == _last_day(after) and before.day == _last_day(before)
        )
        yield months if day and after.timetz() == before.timetz() else 0


def _last_day(moment: datetime) -> int:
    return monthrange(moment.year, moment.month)[1]


def _offset(text: str, time_format: str | None) -> float | None:
    """Return by how many seconds the zone of a time is ahead of UTC; none if it names no zone."""
    try:
        moment = (
            datetime.fromisoformat(text) if time_format is None else _strptime(text, time_format)
        )
    except ValueError:
        return None
    gap = moment.utcoffset()
    return None if gap is None else gap.total_seconds()


def _shown(step: float, name: str) -> str:
    return f"{step:g}" if name == NUMBERS else str(timedelta(seconds=float(step)))


def rise(values: Mapping[str, Sequence[str]]) -> bool:
    """Return whether texts of series can be read as times that rise in each."""
    times = {key: list(enumerate(texts)) for key, texts in values.items()}
    try:
        check_times("", "", times)
    except DataError:
        return False
    return True


# -- forms --------------------------------------------------------------------------------------


def _number(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value


def _seconds(moment: datetime) -> float:
    """Return seconds since 1970; a time without a zone counts as one of UTC."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - EPOCH).total_seconds()


def _strptime(text: str, form: str) -> datetime:
    return datetime.strptime(text, form)  # see _seconds


def _compact(text: str) -> float:
    if not COMPACT.fullmatch(text):
        raise ValueError(text)
    return _seconds(_strptime(text, "%Y%m%d"))


def _clock(hour: str, minute: str, second: str | None, half: str | None) -> float:
    hours = int(hour)
    if half is not None:
        hours = hours % 12 + 12 * (half in "pP")
    if int(minute) > 59 or float(second or 0) >= 60:
        raise ValueError(minute)
    return 3600 * hours + 60 * int(minute) + float(second or 0)


def _time_of_day(text: str) -> float:
    found = TIME_OF_DAY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return _clock(*found.groups())


def _date(order: str) -> Callable[[str], float]:
    """Return a reader of dates of numbers, such as ``29/1/2020 9:00``.

    Args:
        order: of ``d`` (day), ``m`` (month) and ``y`` (year), two or three of them.
    """

    # Two digits can be a year only behind day and month: more would be guessing.
    years = (2, 4) if len(order) == 3 and order[-1] == "y" else (4,)

    def read(text: str) -> float:
        found = DATE.fullmatch(text)
        given = [one for one in found.group(1, 3, 4) if one] if found else []
        if found is None or len(given) != len(order):
            raise ValueError(text)
        part = {"d": 1, "y": LEAP_YEAR}
        for name, digits in zip(order, given, strict=True):
            if len(digits) not in (years if name == "y" else (1, 2)):
                raise ValueError(text)
            part[name] = int(digits)
            if name == "y" and len(digits) == 2:
                part[name] += 1900 if part[name] >= CENTURY else 2000
        hour, minute, second, half = found.group(5, 6, 7, 8)
        later = _clock(hour, minute, second, half) if hour else 0.0
        return _seconds(datetime(part["y"], part["m"], part["d"], tzinfo=UTC)) + later

    return read


def _with_names(text: str) -> float:
    for form in NAMED:
        try:
            return _seconds(_strptime(text, form))
        except ValueError:
            continue
    raise ValueError(text)


FORMS = (
    Form("year, month and day (20200129)", _compact),
    Form(NUMBERS, _number),
    Form("ISO 8601", lambda text: _seconds(datetime.fromisoformat(text))),
    Form("hours and minutes", _time_of_day),
    Form("year/month/day", _date("ymd")),
    Form("day/month/year", _date("dmy")),
    Form("month/day/year", _date("mdy")),
    Form("year/month", _date("ym")),
    Form("month/year", _date("my")),
    Form("day/month", _date("dm")),
    Form("month/day", _date("md")),
    Form("dates with names of months", _with_names),
)
"""The usual forms of times; where several fit, the first one in which they rise is taken."""

YEARS = ("%Y", "%y", "%c", "%x", "%G")
"""What a year is in a format of times."""

UNDATED = ("hours and minutes", "day/month", "month/day")
"""Forms without a year, in which samples could not go on from day to day, or from year to year."""
