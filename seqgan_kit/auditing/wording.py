"""An audit in words: a table for the terminal, sentences, and a panel of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..evaluation.membership import FALSE_ALARMS, Bounded
from ..files import file_digest
from ..report.lines import TextPanel, line
from ..report.page import TitledPanel
from ..report.tables import UNDEFINED
from ..training.run import Run
from .attacks import ATTACKS, Access
from .outcome import Audit, Row, RowName, kept

WHOSE: Mapping[RowName, str] = {
    "copies": "copies",
    "untrained": "untrained",
    "real": "real data",
}
"""Headings of the rows beside the run."""

NEEDS: Mapping[Access, str] = {
    "samples": "samples",
    "reference": "+ data",
    "run": "run",
}
WHO: Mapping[str, str] = {
    "samples": "somebody with the samples, and with data like the training data",
    "run": "somebody with the run as well",
}
BLIND: Sequence[RowName] = ("untrained", "real")
"""Rows in which there is nothing to find."""

WEAK = 0.75
"""Area by which attacks on copies show that attacks on samples mean something."""

ALARMS = f"{FALSE_ALARMS:.0%}".replace("%", " %")


def _share(one: Bounded) -> str:
    """Format a figure and its interval.

    >>> _share(Bounded(0.5, 0.48, 0.523))
    '0.500 (0.480-0.523)'
    """
    return f"{one.value:.3f} ({one.low:.3f}-{one.high:.3f})"


def table(audit: Audit) -> str:
    """Return a line for each attack: what it needs, its strength, and the area of other rows."""
    run = audit.rows["run"]
    head = ["attack", "needs", "AUC", f"found at {ALARMS}", *WHOSE.values()]
    lines = [head]
    for name, strength in run.attacks.items():
        attack = ATTACKS[name]
        beside = [_area(audit.rows[row], name) for row in WHOSE]
        own = [_share(strength.auc), _share(strength.tpr)]
        lines.append([attack.title, NEEDS[attack.needs], *own, *beside])
    for access, strength in run.best.items():
        beside = [_best(audit.rows[row], access) for row in WHOSE]
        title = "best by samples" if access == "samples" else "best by samples and run"
        lines.append([title, "", _share(strength.auc), _share(strength.tpr), *beside])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in lines
    ]
    shown.insert(1, "─" * len(shown[0]))
    shown.insert(len(shown) - len(run.best), "")
    return "\n".join(shown)


def _area(row: Row, attack: str) -> str:
    return f"{row.attacks[attack].auc.value:.3f}" if attack in row.attacks else UNDEFINED


def _best(row: Row, access: str) -> str:
    return f"{row.best[access].auc.value:.3f}" if access in row.best else UNDEFINED


def sentences(audit: Audit) -> list[str]:
    """Return what the figures mean, and what they do not prove."""
    counts = audit.counts
    found = [
        f"{counts['items']:,} training items (of {counts['training']:,}) beside as many "
        f"{audit.held_out} items of the same labels, {counts['samples']:,} samples, "
        f"{counts['reference']:,} other held-out items as the reference. AUC: how often a "
        f"training item scores above a held-out one; 0.5 is guessing. Found at {ALARMS}: the "
        "share of training items that are found if so many held-out ones are taken for such. In "
        "brackets: 95 % of bootstrap draws of the items."
    ]
    if counts["repeated"]:
        found.append(f"Left out: {counts['repeated']:,} items that occur more than once.")
    found += [_verdict(audit.rows["run"], access) for access in audit.rows["run"].best]
    found += _doubts(audit)
    found += [
        f"No attack by {ATTACKS[name].title}: {why}." for name, why in audit.left_out.items()
    ]
    found.append(
        "An audit finds what these attacks find: it shows that a model tells who was in the "
        "training part, never that it does not. Only training with differential privacy bounds "
        "every attack."
    )
    return found


def _verdict(row: Row, access: str) -> str:
    best = row.best[access]
    who = WHO[access]
    if best.auc.low > 0.5:
        return (
            f"Found: {who} tells training items from others (best AUC {_share(best.auc)}), and "
            f"finds {100 * best.tpr.value:.1f} % of them at {ALARMS} false alarms."
        )
    return f"Nothing found: {who} does no better than guessing (best AUC {_share(best.auc)})."


def _doubts(audit: Audit) -> list[str]:
    """Say where the rows beside the run show that its figures mean less."""
    found = []
    copies = audit.rows["copies"].best["samples"].auc.value
    if copies < WEAK:
        found.append(
            "Attacks by samples hardly find copies of the training items here (AUC "
            f"{copies:.3f}): that they find nothing in the run says little."
        )
    for name in BLIND:
        for best in audit.rows[name].best.values():
            if not best.auc.low <= 0.5 <= best.auc.high:
                found.append(
                    f"The row {WHOSE[name]!r} knows no training item, and still its best AUC is "
                    f"{_share(best.auc)}: training and {audit.held_out} items differ, by their "
                    "origin or by chance, and figures of the run may be off by as much."
                )
                break
    return found


TITLE = "Who was in the training part?"


def panels(run: Run) -> list[TitledPanel]:
    """Return the panel of a run's audit; nothing without one of the checkpoint that is shown."""
    audit = kept(run)
    if audit is None:
        return []
    weights = file_digest(run.checkpoint() / "networks.safetensors")
    if audit.settings["weights"] != weights:
        return []
    lines = []
    for name, strength in audit.rows["run"].attacks.items():
        beside = [f"{what} {_area(audit.rows[row], name)}" for row, what in WHOSE.items()]
        lines.append(
            line(
                f"{ATTACKS[name].title}: AUC {_share(strength.auc)}; found at {ALARMS} false "
                f"alarms {_share(strength.tpr)}",
                f"{ATTACKS[name].how}. AUC of other samples: {', '.join(beside)}",
            )
        )
    panel: TextPanel = {"kind": "text", "lines": lines}
    return [{"title": TITLE, "explanation": " ".join(sentences(audit)), "panel": panel}]
