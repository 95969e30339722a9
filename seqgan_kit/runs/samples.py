"""Samples in memory: arrays that know their labels, and can be saved and shown."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int
from torch import Tensor

from ..data.tables import pandas_or_refuse
from ..errors import NotSupported, UsageError
from ..labels import Words, are_named, label_names
from .asked import Asked

if TYPE_CHECKING:
    from pandas import DataFrame

    from ..kind import Kind
    from ..report.page import Panel
    from .sampler import Sampler


@dataclass(frozen=True)
class Made:
    """Samples and what they were asked to be.

    Attributes:
        sampler: what has drawn them.
        decoded: the samples as the codec decodes them, one tensor row each.
        label_NA: their labels.
        seed: of their noise.
        walk: how many samples each walk has, if they are walks, one after another.
    """

    sampler: Sampler
    decoded: Tensor
    label_NA: Int[np.ndarray, "N A"]
    seed: int = 0
    walk: int = 0

    @property
    def array(self) -> np.ndarray:
        """The samples as a user gets them."""
        return self.sampler.codec.present(self.decoded)

    @property
    def names(self) -> list[str]:
        """A name for each sample: its labels."""
        return [" ".join(label_names(row, self.sampler.labels)) for row in self.label_NA]

    def named(self) -> dict[str, list[str]]:
        """The classes of all samples for each attribute; nothing if the data have no labels."""
        labels = self.sampler.labels
        if not are_named(labels):
            return {}
        columns = zip(labels.items(), self.label_NA.T, strict=True)
        return {name: [classes[k] for k in column] for (name, classes), column in columns}

    def table(self) -> DataFrame:
        """Return a table of pandas with a row for each sample.

        Raises:
            DataError: pandas is not installed.
        """
        named = self.named()
        name = "sample" if "sample" not in named else "sample_2"
        frame: DataFrame = pandas_or_refuse().DataFrame({**named, name: list(self.array)})
        return frame

    def relabelled(
        self, attribute: str, names: Sequence[str], label_N1: Int[np.ndarray, "N 1"]
    ) -> Made:
        """Return the samples under other labels than they were asked for."""
        sampler = copy(self.sampler)
        sampler.labels = {attribute: tuple(names)}
        return replace(self, sampler=sampler, label_NA=label_N1)

    def part(self, index: Any) -> Made:
        """Return some of the samples."""
        index_P = np.ascontiguousarray(np.arange(len(self.label_NA))[index])
        return replace(self, decoded=self.decoded[index_P], label_NA=self.label_NA[index_P])


class Samples(np.ndarray):
    """An array of samples, one a row, with their labels.

    It is a NumPy array that cannot be written to, so that labels stay with their samples; a copy
    can. What is computed from it is a plain array; some of its samples (``samples[:4]``) know
    their labels. In a notebook it shows itself.
    """

    _made: Made | None

    def __new__(cls, made: Made) -> Samples:
        array = made.array
        for one in array if array.dtype == object else ():
            if isinstance(one, np.ndarray):
                one.flags.writeable = False
        found = array.view(cls)
        found.flags.writeable = False
        found._made = made
        return found

    def __array_wrap__(
        self, array: np.ndarray, context: Any = None, return_scalar: bool = False
    ) -> Any:
        plain = np.asarray(array)
        return plain[()] if return_scalar else plain

    def __array_finalize__(self, other: object) -> None:
        self._made = None

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        some = isinstance(key, slice) or (isinstance(key, list | np.ndarray) and np.ndim(key) == 1)
        if isinstance(found, Samples) and self._made is not None and some:
            found._made = self._made.part(key)
        return found

    @property
    def made(self) -> Made:
        """The samples with what they were asked to be.

        Raises:
            UsageError: this array was computed from samples and is none itself.
        """
        if self._made is None:
            raise UsageError(
                "this array was computed from samples and has no labels any more: ask the samples "
                "themselves, or some of them (samples[:8])"
            )
        return self._made

    @property
    def labels(self) -> Mapping[str, list[str]]:
        """For each attribute the class of every sample; empty if the data have no labels."""
        return self.made.named()

    def frame(self) -> DataFrame:
        """Return a table of pandas with the labels: a row for each sample, or for each step."""
        return self._kind.frame(self.made)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the samples to a file or a folder; its name says the format.

        Args:
            path: for images ``.png``, ``.npy`` or a folder; for text ``.txt``, ``.jsonl`` or
                ``.csv``; for sound ``.wav`` or a folder; for series ``.csv``, ``.npz``, ``.png``.
            force: replace what is there.

        Raises:
            UsageError: there is such a file, or samples have no such format, or there are none.
        """
        made, target, kind = self.made, Path(path), self._kind
        if not len(self):
            raise UsageError("there are no samples to save")
        run = made.sampler.run or Path()
        ending = target.suffix.removeprefix(".").lower()
        form = ending if ending in kind.formats else next(iter(kind.formats), "")
        asked = Asked(run, Words(), None, made.seed, form, target, force=force)
        kind.check(asked)
        kind.write_made(made, asked)
        return target

    @property
    def _kind(self) -> Kind:
        kind = self.made.sampler.kind
        if kind is None:
            raise NotSupported("only samples of a run know their kind of data: seqgan_kit.load")
        return kind

    def __repr__(self) -> str:
        if self._made is None or self._made.sampler.kind is None:
            return super().__repr__()
        counts = {name: len(set(classes)) for name, classes in self.labels.items()}
        labels = ", ".join(f"{count} of {name}" for name, count in counts.items())
        what = f" with labels ({labels})" if labels else ""
        return f"<{len(self)} samples of {self._made.sampler.kind.name}{what}, {self.dtype}>"

    def _repr_html_(self) -> str | None:
        if self._made is None or not len(self):
            return None
        try:
            panel = self._kind.gallery(self._made)
        except NotSupported:
            return None
        return f"{_shown(panel)}<p><small>{html.escape(repr(self))}</small></p>"


def _shown(panel: Panel) -> str:
    """Return a panel as HTML that needs no page around it."""
    if panel["kind"] == "image":
        return (
            f'<img alt="{html.escape(panel["alt"])}" width="{panel["width"]}" '
            f'src="data:image/png;base64,{panel["png"]}">'
        )
    if panel["kind"] == "text":
        rows = "".join(
            f"<tr><td><small>{html.escape(line['under'])}</small></td>"
            f'<td style="text-align:left">{html.escape(line["text"])}</td></tr>'
            for line in panel["lines"]
        )
        return f"<table>{rows}</table>"
    return "".join(
        f'<figure style="display:inline-block;margin:4px">'
        f'<img alt="{html.escape(clip["alt"])}" width="{clip["width"]}" '
        f'src="data:image/png;base64,{clip["png"]}"><br>'
        f'<audio controls preload="none" style="width:200px" '
        f'src="data:audio/wav;base64,{clip["wav"]}"></audio>'
        f"<figcaption>{html.escape(clip['caption'])}</figcaption></figure>"
        for clip in panel["clips"]
    )
