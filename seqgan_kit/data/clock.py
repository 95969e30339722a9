"""Regular times of steps: learned from the data, and written for samples."""

from __future__ import annotations

import math
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from ..errors import UsageError

Unit = Literal["numbers", "seconds", "months", "month-ends"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DAY = 86_400.0


@dataclass(frozen=True)
class Clock:
    """The times of series whose steps are equal.

    Attributes:
        unit: what a step is counted in: plain numbers, seconds, or months of the calendar, from
            a day to the same day or from last day to last day.
        start: time of the first step: a number, or seconds since 1970.
        step: from one step to the next.
        offset: seconds by which local time is ahead of UTC; ``None``: times name no zone.
    """

    unit: Unit
    start: float
    step: float
    offset: float | None = None

    def begun(self, text: str) -> Clock:
        """Return the same clock with another start, as a user writes it.

        Raises:
            UsageError: it is no number, or no date, as the unit asks.
        """
        try:
            if self.unit == "numbers":
                if not math.isfinite(start := float(text)):
                    raise ValueError(text)
                return replace(self, start=start)
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            date = "a date, such as 2026-01-31 or 2026-01-31T12:00"
            expected = "a number" if self.unit == "numbers" else date
            raise UsageError(
                f"--start {text}: expected {expected}, as the times of the training data are"
            ) from error
        if (given := moment.utcoffset()) is not None:
            # Data whose times name no zone are read as UTC.
            offset = None if self.offset is None else given.total_seconds()
        else:
            offset, moment = self.offset, moment.replace(tzinfo=self._zone)
        return replace(self, start=(moment - EPOCH).total_seconds(), offset=offset)

    def texts(self, count: int, time_format: str | None = None) -> list[str]:
        """Return so many times.

        Args:
            count: how many.
            time_format: how they are written, as in ``datetime.strftime``; ``None``: ISO 8601,
                with a time of day where a step or the start is not of whole days.

        Raises:
            UsageError: they would lie beyond the calendar.

        >>> Clock("seconds", 0.0, 86_400.0).texts(2), Clock("numbers", 5.0, 0.5).texts(3)
        (['1970-01-01', '1970-01-02'], ['5', '5.5', '6'])
        >>> Clock("months", 30 * 86_400.0, 1.0).texts(3)
        ['1970-01-31', '1970-02-28', '1970-03-31']
        >>> Clock("seconds", 0.0, 86_400.0, offset=3600.0).texts(2)
        ['1970-01-01T01:00:00+01:00', '1970-01-02T01:00:00+01:00']
        """
        if self.unit == "numbers":
            values = [self.start + number * self.step for number in range(count)]
            return [str(int(v)) if v.is_integer() else f"{v:.12g}" for v in values]
        try:
            moments = [self._moment(number) for number in range(count)]
        except (OverflowError, ValueError) as error:
            raise UsageError(
                f"the times of {count:,} steps lie beyond the calendar; begin earlier with --start"
            ) from error
        if time_format is not None:
            return [moment.strftime(time_format) for moment in moments]
        if self.offset is not None:
            return [moment.isoformat() for moment in moments]
        daily = self.start % DAY == 0 and (self.unit != "seconds" or self.step % DAY == 0)
        return [
            moment.date().isoformat() if daily else moment.replace(tzinfo=None).isoformat()
            for moment in moments
        ]

    @property
    def _zone(self) -> timezone:
        return timezone(timedelta(seconds=self.offset or 0.0))

    def _moment(self, number: int) -> datetime:
        first = (EPOCH + timedelta(seconds=self.start)).astimezone(self._zone)
        if self.unit == "seconds":
            return first + timedelta(seconds=number * self.step)
        months = first.year * 12 + first.month - 1 + round(number * self.step)
        year, month = divmod(months, 12)
        last = monthrange(year, month + 1)[1]
        # A shorter month ends earlier.
        day = last if self.unit == "month-ends" else min(first.day, last)
        return first.replace(year=year, month=month + 1, day=day)
