"""Series as read from any file, and the steps that follow: filling gaps, cutting windows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ...data.clock import Clock
from ...data.dataset import DataError, NoItems, PartName, listed, some
from ...data.label_folders import left_out, natural
from ...data.tables import TableForm

Missing = Literal["error", "forward", "linear", "mean"]

Unreadable = Literal["error", "skip"]

LARGEST = float(np.finfo(np.float32).max)
"""Largest value: networks read 32-bit numbers."""


class LabelsAbsent(DataError):
    """The error for a file without the labels that are to be read."""


@dataclass(frozen=True)
class Columns:
    """The roles of the columns of a table, or of the arrays of a file.

    Attributes:
        id: column that identifies the series of a table.
        time: column that orders the steps of a series.
        labels: columns of labels; if empty, ``label`` where it exists.
        channels: columns of values; if empty, all others.
        time_format: how times are written, as in ``datetime.strptime``; ``None``: in a usual form.
        layout: whether a row of a table is a step of a series (``long``) or a series (``wide``).
        targets: whether numeric targets in the place of labels are an error, or are left out.
        decimal: what stands before the decimals of a number in a table, a point or a comma.
        numeric: labels that are numbers.
        form: how tables are written.
    """

    id: str = "id"
    time: str = "time"
    labels: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    time_format: str | None = None
    layout: Literal["long", "wide"] = "long"
    targets: Literal["error", "skip"] = "error"
    decimal: str = "."
    numeric: tuple[str, ...] = ()
    form: TableForm = field(default_factory=TableForm)

    def key(self) -> dict[str, Any]:
        """Return what data depend on, as JSON values.

        Settings that came later are part of it only where they are used, so that the data of
        runs of before are still the same.
        """
        settings, usual = asdict(self), asdict(Columns())
        first = ("id", "time", "labels", "channels")
        return {n: v for n, v in settings.items() if n in first or v != usual[n]}


@dataclass(frozen=True)
class OneSeries:
    """A series as read from a file.

    Attributes:
        name: its name in messages.
        value_SC: values ``[t, C]``, NaN where one is missing.
        labels: one tuple for each step, or one for the whole series.
    """

    name: str
    value_SC: np.ndarray
    labels: tuple[str, ...] | list[tuple[str, ...]]

    @property
    def label(self) -> tuple[str, ...]:
        """The label of the whole series.

        Raises:
            DataError: the label changes within the series.
        """
        if isinstance(self.labels, tuple):
            return self.labels
        changes = [place for place, one in enumerate(self.labels) if one != self.labels[0]]
        if changes:
            raise DataError(
                f"{self.name}: its label changes from {' '.join(self.labels[0])!r} to "
                f"{' '.join(self.labels[changes[0]])!r} at step {changes[0]} (steps start at 0): "
                "split the series, or set data.window to cut windows with one label each"
            )
        return self.labels[0]

    def part(self, start: int, stop: int) -> OneSeries:
        """Return a range of the steps."""
        labels = self.labels if isinstance(self.labels, tuple) else self.labels[start:stop]
        return OneSeries(self.name, self.value_SC[start:stop], labels)


@dataclass(frozen=True)
class SeriesFile:
    """The contents of a file, and remarks for the user on how it was read.

    Attributes:
        series: the series.
        channels: names of their channels.
        attributes: names of their labels.
        notes: the remarks.
        categories: for each channel whose values are the numbers of texts, these texts.
        clock: the times of steps, if they are regular.
    """

    series: list[OneSeries]
    channels: tuple[str, ...]
    attributes: tuple[str, ...]
    notes: Sequence[str] = ()
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    clock: Clock | None = None


FILL_ADVICE = "fill them with data.missing=forward or data.missing=linear"
"""What to do about missing values in the data of a recipe."""

ABSENT_ADVICE = "leave such series out with data.unreadable=skip, or set data.missing=mean"
"""What to do about a channel without any value in a series."""


def complete(
    series: OneSeries,
    channels: Sequence[str],
    missing: Missing,
    advice: str = FILL_ADVICE,
    mean_C: np.ndarray | None = None,
    categories: Collection[str] = (),
) -> OneSeries:
    """Return the series without missing values.

    Args:
        series: the series.
        channels: names for messages.
        missing: ``error``, or how to fill a missing value: with the value before it (``forward``;
            at the beginning, the first known one), or between its neighbours (``linear``; at the
            ends, the nearest known one), or with the mean of its channel (``mean``).
        advice: end of the message on missing values: what to do about them.
        mean_C: means of the channels, for ``mean``.
        categories: channels of categories, between which nothing is interpolated: ``linear`` is
            ``forward`` for them.

    Raises:
        DataError: a value is missing and may not be filled, a channel has no values at all, or a
            value is infinite or too large for 32 bits.
    """
    value_SC = series.value_SC
    infinite_SC, absent_SC = np.abs(value_SC) > LARGEST, np.isnan(value_SC)

    def first(what: str, bad_SC: np.ndarray) -> str:
        step, channel = np.argwhere(bad_SC)[0]
        return f"{series.name} has {what} at step {step} (steps start at 0) of {channels[channel]}"

    if infinite_SC.any():
        infinite = bool(np.isinf(value_SC).any())
        what = "an infinite value" if infinite else f"a value beyond {LARGEST:.2g}"
        raise DataError(f"{first(what, infinite_SC)}: correct it")
    if not absent_SC.any():
        return series
    where = first("no value", absent_SC)
    if missing == "error":
        raise DataError(f"{where}, the first of {int(absent_SC.sum())}: {advice}")
    if missing == "mean":
        assert mean_C is not None, "filling with means needs means"
        return OneSeries(series.name, np.where(absent_SC, mean_C, value_SC), series.labels)
    filled_SC = value_SC.copy()
    for column in np.flatnonzero(absent_SC.any(0)):
        way: Missing = "forward" if channels[column] in categories else missing
        filled_SC[:, column] = _filled(value_SC[:, column], way, where)
    return OneSeries(series.name, filled_SC, series.labels)


def _filled(value_S: np.ndarray, missing: Missing, where: str) -> np.ndarray:
    known = np.flatnonzero(~np.isnan(value_S))
    if not len(known):
        raise DataError(f"{where}, nor at any other step: {ABSENT_ADVICE}")
    steps = np.arange(len(value_S))
    if missing == "linear":
        return np.interp(steps, known, value_S[known])
    before = np.searchsorted(known, steps, side="right") - 1
    return value_S[known[before.clip(min=0)]]


def windows(
    series: OneSeries, length: int, stride: int
) -> tuple[list[tuple[np.ndarray, tuple[str, ...]]], int]:
    """Cut a long series into windows with their labels; also return how many were left out.

    A window in which the label changes is left out.

    >>> found, left = windows(OneSeries("a", np.arange(5.0)[:, None], ("x",)), 3, 2)
    >>> [value_SC.ravel().tolist() for value_SC, _ in found], left
    ([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]], 0)
    """
    found, left = [], 0
    for start in range(0, len(series.value_SC) - length + 1, stride):
        part = series.part(start, start + length)
        labels = {part.labels} if isinstance(part.labels, tuple) else set(part.labels)
        if len(labels) == 1:
            found.append((part.value_SC, labels.pop()))
        else:
            left += 1
    return found, left


def usable(
    files: Mapping[PartName, SeriesFile], missing: Missing, *, skip: bool, whole: bool
) -> tuple[dict[PartName, list[OneSeries]], list[str]]:
    """Return the series of each part without missing values, and notes on what was done.

    Args:
        files: series by part.
        missing: what to do with missing values; the mean is that of the training file, or of
            categories the most frequent one.
        skip: whether series that cannot be used are left out.
        whole: whether labels may change within a series, because windows are cut.

    Raises:
        DataError: a series cannot be used, or none of a part can.
    """
    mean_C = _means(files["training"]) if missing == "mean" else None
    found: dict[PartName, list[OneSeries]] = {}
    reasons = []
    for part, file in files.items():
        found[part] = []
        for one in file.series:
            try:
                kept = complete(
                    one, file.channels, missing, mean_C=mean_C, categories=file.categories
                )
                if not whole:
                    _ = kept.label  # Asked here, because it may be refused.
            except DataError as error:
                if not skip:
                    raise
                reasons.append(str(error).rpartition(": ")[0])
            else:
                found[part].append(kept)
        if not found[part]:
            raise NoItems(f"no series of the {part} part can be used: {reasons[-1]}")
    notes = left_out("unreadable series", reasons)
    before = [one.value_SC for file in files.values() for one in file.series]
    absent = sum(int(np.isnan(value_SC).sum()) for value_SC in before)
    if absent and missing != "error":
        count = sum(value_SC.size for value_SC in before)
        notes.append(f"missing values filled (data.missing={missing}): {absent:,} of {count:,}")
    return found, notes


def _means(file: SeriesFile) -> np.ndarray:
    """Return the mean of the known values of each channel, or the most frequent category.

    Raises:
        DataError: a channel has none.
    """
    value_SC = np.concatenate([one.value_SC for one in file.series])
    known_SC = np.isfinite(value_SC)
    if not known_SC.any(0).all():
        name = file.channels[int(known_SC.any(0).argmin())]
        raise DataError(
            f"the channel {name} has no value in the training part: leave it out of data.channels"
        )
    mean_C = np.where(known_SC, value_SC, 0.0).sum(0) / known_SC.sum(0)
    for place, name in enumerate(file.channels):
        if name in file.categories:
            known_S = value_SC[known_SC[:, place], place].astype(int)
            mean_C[place] = np.bincount(known_S).argmax()
    return mean_C


def same_categories(files: Mapping[PartName, SeriesFile]) -> dict[PartName, SeriesFile]:
    """Return the files with one number for each text of a channel, in the order of texts.

    Raises:
        DataError: a channel holds text in one file and numbers in another.
    """
    known: dict[str, set[str]] = {}
    for file in files.values():
        for name, texts in file.categories.items():
            known.setdefault(name, set()).update(texts)
    for part, file in files.items():
        if numeric := [name for name in known if name not in file.categories]:
            raise DataError(
                f"{numeric[0]} holds numbers in the {part} file, and text in another: correct it"
            )
    order = {name: tuple(sorted(texts, key=natural)) for name, texts in known.items()}
    return {part: renumbered(file, order) for part, file in files.items()}


def renumbered(
    file: SeriesFile, order: Mapping[str, Sequence[str]], plain: Callable[[str], str] = str
) -> SeriesFile:
    """Return a file whose categories have the numbers of these texts.

    Args:
        file: the file.
        order: the texts of each channel of text.
        plain: turns a cell into a text.

    Raises:
        DataError: the file has text where there are none, or a text that is not among them.
    """
    if not file.categories:
        return file
    changed = []
    for one in file.series:
        value_SC = one.value_SC.copy()
        for name, texts in file.categories.items():
            place = file.channels.index(name)
            if name not in order:
                raise DataError(f"{one.name}: {name} holds text ({texts[0]!r}); expected numbers")
            known = {text: number for number, text in enumerate(order[name])}
            # A text that is known as it stands is meant as it stands.
            texts = [text if text in known else plain(text) for text in texts]
            if strange := [text for text in texts if text not in known]:
                raise DataError(
                    f"{one.name}: {name} is {strange[0]!r}; its categories are {some(order[name])}"
                )
            new_K = np.array([known[text] for text in texts], float)
            exists_S = ~np.isnan(value_SC[:, place])
            value_SC[exists_S, place] = new_K[value_SC[exists_S, place].astype(int)]
        changed.append(replace(one, value_SC=value_SC))
    return replace(file, series=changed, categories=order)


def same_columns(files: Mapping[PartName, SeriesFile]) -> SeriesFile:
    """Check that the files of all parts have the same channels and attributes, and return the
    first.

    Raises:
        DataError: a file differs.
    """
    (first_name, first), *others = files.items()
    problems = [
        f"{name}: {', '.join((*other.channels, *other.attributes))}"
        for name, other in others
        if (other.channels, other.attributes) != (first.channels, first.attributes)
    ]
    if problems:
        raise DataError(
            f"the {first_name} file has the channels and labels "
            f"{', '.join((*first.channels, *first.attributes))}, but other files differ:\n"
            + listed(problems)
        )
    return first
