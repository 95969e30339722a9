"""What an audit found, and how it is kept in the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..evaluation.membership import Bounded, Strength
from ..files import FileProblem, read_json
from ..training.run import Run

FORMAT = 1
"""Format version of `audit.json`."""

RowName = Literal["run", "copies", "untrained", "real"]
"""Whose samples were attacked: the run's; copies of training items; those of the same networks
before training; other real data."""


@dataclass(frozen=True)
class Row:
    """What attacks found by one set of samples, or in one set of networks.

    Attributes:
        attacks: the strength of each attack, see :data:`~seqgan_kit.auditing.attacks.ATTACKS`.
        best: that of the best attack by samples (``"samples"``) and, where there are attacks on
            networks, of all (``"run"``); see :func:`~seqgan_kit.evaluation.membership.strengths`.
    """

    attacks: Mapping[str, Strength]
    best: Mapping[str, Strength]


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        name: name of the run folder.
        settings: everything that the figures depend on.
        counts: how many items there were: ``items`` on each side, ``reference``, ``repeated``
            (left out), ``training`` (of the run), ``samples``.
        held_out: the part that was compared with the training part.
        rows: by whose samples were attacked.
        left_out: attacks that were not made, and why.
    """

    name: str
    settings: Mapping[str, Any]
    counts: Mapping[str, int]
    held_out: str
    rows: Mapping[RowName, Row]
    left_out: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return the audit as JSON values."""
        rows = {
            name: {
                "attacks": {attack: _as_json(one) for attack, one in row.attacks.items()},
                "best": {access: _as_json(one) for access, one in row.best.items()},
            }
            for name, row in self.rows.items()
        }
        return {
            "format": FORMAT,
            "name": self.name,
            "settings": self.settings,
            "counts": self.counts,
            "held_out": self.held_out,
            "rows": rows,
            "left_out": self.left_out,
        }


def _as_json(strength: Strength) -> dict[str, Any]:
    return {
        name: {"value": one.value, "low": one.low, "high": one.high}
        for name, one in strength._asdict().items()
    }


def _from_json(read: Mapping[str, Any]) -> Strength:
    return Strength(
        *(Bounded(**{k: float(v) for k, v in read[f].items()}) for f in ("auc", "tpr"))
    )


def kept(run: Run) -> Audit | None:
    """Return the audit stored in a run; ``None`` if there is none that can be read."""
    try:
        read = read_json(run.audit_path)
        if read["format"] != FORMAT:
            return None
        rows = {
            name: Row(*({k: _from_json(v) for k, v in row[key].items()} for key in FIELDS))
            for name, row in read["rows"].items()
        }
        return Audit(
            run.path.name, read["settings"], read["counts"], read["held_out"], rows,
            read["left_out"],
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (FileProblem, AttributeError, LookupError, TypeError, ValueError):
        return None  # It is made again.


FIELDS = ("attacks", "best")
