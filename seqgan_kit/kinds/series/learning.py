"""What the codec of series learns from the training part: ranges, lengths, sorts of channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float

from ...data.dataset import DataError, Dataset, Items, PartName, some
from .channels import DISCRETE, Channel, guessed_sort
from .forms import Form, Normalize, Scaled, Values, own_range
from .schema import MOST_CATEGORIES, Sort

LEARNED = 4096
"""Series per chunk while the ranges are learned."""


def learn_series(
    items: Items,
    *,
    channels: Sequence[str],
    normalize: Normalize,
    deviations: float,
    max_length: int | None,
    values: Values = "level",
    scale: Scaled = "channel",
    sorts: Sequence[Channel] = (),
) -> dict[str, Any]:
    """Learn the settings of a codec, with ranges from the training part.

    Padding never enters a mean, a deviation or a bound.

    Args:
        items: training series ``[t, C]``.
        channels: their names.
        normalize: ``min-max``: -1 and 1 lie just beyond the smallest and the largest value;
            ``standard``: they lie ``deviations`` standard deviations from the mean.
        deviations: number of standard deviations for ``standard``.
        max_length: steps of a sequence; ``None``: the length of the longest series.
        values: see :class:`~.forms.Form`.
        scale: see :class:`~.forms.Form`.
        sorts: what the values of each channel may be, if they are not all real numbers.
    """
    form = Form(values, scale, normalize, deviations)
    # Ranges of whole series are cut as the codec cuts them. Those of steps never were.
    cut = None if form.plain else max_length
    count, longest, shortest = 0, 0, np.inf
    total_C, low_C = np.zeros(len(channels)), np.full(len(channels), np.inf)
    high_C = -low_C
    low_W = np.full(len(channels) * form.whole, np.inf)
    high_W = -low_W
    for value_SC, whole_NW, length_N in _chunks(items, form, cut):
        count += len(value_SC)
        total_C += value_SC.sum(0)
        low_C = np.minimum(low_C, value_SC.min(0))
        high_C = np.maximum(high_C, value_SC.max(0))
        low_W, high_W = np.minimum(low_W, whole_NW.min(0)), np.maximum(high_W, whole_NW.max(0))
        longest, shortest = max(longest, length_N.max()), min(shortest, length_N.min())
    if scale == "item":
        # The range of each series is -1 to 1.
        centre_C, scale_C = np.zeros(len(channels)), np.ones(len(channels))
    elif normalize == "min-max":
        centre_C, scale_C = own_range(np.stack([low_C, high_C]), "min-max", deviations)
    else:
        centre_C = total_C / count
        # A second pass: the difference of large sums would lose all significant digits.
        square_C = sum(
            ((value_SC - centre_C) ** 2).sum(0) for value_SC, _, _ in _chunks(items, form, cut)
        )
        scale_C = np.sqrt(square_C / count) * deviations
    scale_C = np.where(high_C > low_C, scale_C, 0.0)
    centre_C = np.where(high_C > low_C, centre_C, low_C)
    for place, channel in enumerate(sorts):
        if channel.sort == "bounded" or channel.sort == "zero-inflated":
            column_S = _column(items, place, cut)
            centre_C[place], scale_C[place] = _own_range(channel, column_S, form)
    centre_W, scale_W = own_range(np.stack([low_W, high_W]), "min-max", deviations)
    steps = int(longest) if max_length is None else max_length
    return {
        "steps": steps,
        "channels": list(channels),
        "centre": [*centre_C.tolist(), *centre_W.tolist()],
        "scale": [*scale_C.tolist(), *scale_W.tolist()],
        "ends": bool(shortest < steps),
        **({} if form.plain else {"form": asdict(form)}),
        **({"sorts": [asdict(channel) for channel in sorts]} if sorts else {}),
    }


def refuse_text(dataset: Dataset, values: Values, scale: Scaled) -> None:
    """Refuse channels of text where changes or ranges of each series are written.

    Raises:
        DataError: there are such channels.
    """
    if dataset.categories and (values != "level" or scale != "channel"):
        raise DataError(
            f"{next(iter(dataset.categories))} holds text, which has no differences and no range: "
            "set codec.values=level and codec.scale=channel, or leave it out of data.channels"
        )


def learn_sorts(dataset: Dataset, wanted: Mapping[str, Sort]) -> list[Channel]:
    """Learn what the values of each channel may be; nothing where all are real numbers.

    Channels of text are categorical. The values that may occur are those of the training part,
    and other parts must have no others.

    Args:
        dataset: the data.
        wanted: sorts of channels by name; the others are real.

    Raises:
        DataError: a channel is not there, or not what it is said to be.
    """
    names = dataset.channels
    if unknown := [name for name in wanted if name not in names]:
        raise DataError(
            f"codec.channels names {unknown[0]!r}, but the channels of {dataset.name} are "
            f"{some(names)}"
        )
    for name in dataset.categories:
        if (sort := wanted.get(name, "categorical")) != "categorical":
            raise DataError(f"codec.channels: {name} holds text: it is categorical, not {sort}")
    sorts: dict[str, Sort] = dict.fromkeys(dataset.categories, "categorical")
    sorts |= {name: sort for name, sort in wanted.items() if sort != "real"}
    if not sorts:
        return []
    found = []
    for place, name in enumerate(names):
        columns = {
            part: _column(members.items, place)
            for part, members in dataset.parts.items()
            if len(members)
        }
        texts_of = tuple(dataset.categories.get(name, ()))
        found.append(_learned(name, sorts.get(name, "real"), texts_of, columns))
    return found


def guessed_sorts(dataset: Dataset) -> dict[str, Sort]:
    """Return what channels look like by their training values, if not like real numbers."""
    training = dataset.parts["training"]
    found = {
        name: guessed_sort(_column(training.items, place), dataset.categories.get(name, ()))
        for place, name in enumerate(dataset.channels)
    }
    return {name: sort for name, sort in found.items() if sort != "real"}


def _learned(
    name: str, sort: Sort, texts: tuple[str, ...], columns: Mapping[PartName, np.ndarray]
) -> Channel:
    """Return what the values of a channel may be, given those of each part.

    Raises:
        DataError: they are not of this sort.
    """
    known_K = np.unique(columns["training"])
    whole = bool((known_K == np.round(known_K)).all())

    def refuse(what: str, instead: str) -> NoReturn:
        raise DataError(f"codec.channels: {name} is declared {sort}, but {what}: {instead}")

    if sort in DISCRETE:
        most = 2 if sort == "binary" else MOST_CATEGORIES
        if len(known_K) > most:
            shown = ", ".join(f"{value:g}" for value in known_K[: most + 1])
            other = "categorical" if sort == "binary" else "integer or real"
            refuse(f"has more than {most} values ({shown}{', ...' * (len(known_K) > most + 1)})",
                   f"declare it {other}")  # fmt: skip
        if sort == "binary" and len(known_K) < 2:
            refuse(f"has one value only ({known_K[0]:g})", "declare it real, and it is constant")
        for part, other_S in columns.items():
            if len(strange := np.setdiff1d(other_S, known_K)):
                shown = texts[int(strange[0])] if texts else f"{strange[0]:g}"
                refuse(
                    f"the value {shown} is in the {part} part and not in the training part",
                    "add series with it, or leave the channel out of data.channels",
                )
        return Channel(sort, tuple(known_K.tolist()), texts, whole)
    if sort == "integer" and not whole:
        broken = known_K[known_K != np.round(known_K)][0]
        refuse(
            f"has the value {broken:g}",
            "declare it real (or, if missing values were filled, set data.missing=forward)",
        )
    if sort == "non-negative" and known_K[0] < 0:
        refuse(f"has the value {known_K[0]:g}", "declare it real")
    if sort == "bounded":
        return Channel(sort, whole=whole, low=float(known_K[0]), high=float(known_K[-1]))
    low = None
    if sort == "zero-inflated":
        amount_K = known_K[known_K != 0]
        if len(amount_K) == len(known_K) or not len(amount_K):
            refuse("has no zeros" if len(amount_K) else "has nothing but zeros", "declare it real")
        if amount_K[0] > 0:
            # The range has some room, in which an amount could be 0 or negative.
            low = float(amount_K[0])
    elif sort != "real" and known_K[0] >= 0:
        low = 0.0
    return Channel(sort, whole=whole and sort != "real", low=low)


def _column(items: Items, place: int, cut: int | None = None) -> Float[np.ndarray, " S"]:
    """Return all values of a channel."""
    return np.concatenate([one[:cut, place] for one in items[: len(items)]])


def _own_range(
    channel: Channel, value_S: Float[np.ndarray, " S"], form: Form
) -> tuple[float, float]:
    """Return centre and scale of a channel whose range is not that of all its values."""
    if channel.low is not None and channel.high is not None:
        # No room beyond bounds.
        return (channel.low + channel.high) / 2, (channel.high - channel.low) / 2
    amount_S1 = value_S[value_S != 0][:, None].astype(np.float64)
    centre_1, scale_1 = own_range(amount_S1, form.normalize, form.deviations)
    return float(centre_1[0]), float(scale_1[0])


def _chunks(
    items: Items, form: Form, cut: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the values ``[S, C]`` of the steps of a chunk of series, those of these series as a
    whole ``[N, W]``, and their lengths."""
    for start in range(0, len(items), LEARNED):
        chunk = list(items[start : start + LEARNED])
        values, wholes = zip(*(form.split(one[:cut]) for one in chunk), strict=True)
        length_N = np.array([len(one) for one in chunk])
        yield np.concatenate(values).astype(np.float64), np.stack(wholes), length_N


def check_positive(dataset: Dataset) -> None:
    """Check that ratios are defined in all parts.

    Raises:
        DataError: a value is 0 or negative.
    """
    for name, part in dataset.parts.items():
        for one in part.items[: len(part)]:
            low_C = one.min(0)
            if (low_C <= 0).any():
                channel = dataset.channels[int(low_C.argmin())]
                raise DataError(
                    f"codec.values=ratio needs positive values, and {channel} is {low_C.min():g} "
                    f"in the {name} part: use codec.values=difference"
                )
