"""What the field of peptides measures: charge, hydrophobic moment, letters, novelty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from ...data.dataset import DataError
from ...evaluation.distribution import NotMeasurable
from ...evaluation.figures import Figure
from .units import PADDING, unit_items

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
SCALE = "eisenberg"
"""Hydrophobicity of amino acids (Eisenberg et al. 1984)."""
HELIX = 100
"""Degrees from one amino acid to the next in a helix."""
NEIGHBOURS = 500
"""Samples whose nearest training sequence is looked for."""

FIGURES = (
    Figure(
        "charge_distance", "distance of charges", "lower",
        "Wasserstein distance between the net charges (pH 7.4, amidated) of samples and of test "
        "peptides, in standard deviations of the latter.", digits=3,
    ),
    Figure(
        "moment_distance", "distance of hydrophobic moments", "lower",
        "The same for the hydrophobic moment along a helix (Eisenberg scale, 100 degrees).",
        digits=3,
    ),
    Figure(
        "hydrophobicity_distance", "distance of hydrophobicities", "lower",
        "The same for the mean hydrophobicity (Eisenberg scale).", digits=3,
    ),
    Figure(
        "letters_distance", "distance of letter shares", "lower",
        "Total variation distance between the shares of the twenty amino acids.", digits=3,
    ),
    Figure(
        "valid", "valid sequences", "higher",
        "Share of samples that consist of the twenty amino acids.",
    ),
    Figure(
        "edits", "edits to the nearest", "none",
        "Mean edit distance to the nearest training sequence, relative to the length of the "
        f"sample ({NEIGHBOURS} samples); below that of test peptides, samples are variations of "
        "what was learned.",
    ),
)  # fmt: skip


class PeptideFigures:
    """Figures of peptides, computed by modlamp, against held-out peptides.

    Args:
        training: peptides the model was trained on.
        reference: peptides it has not seen; lines with other letters are left out.

    Raises:
        DataError: no test line is a peptide.

    References:
        Müller et al. 2017, *modlAMP: Python for antimicrobial peptides*; Eisenberg et al. 1984,
        *Analysis of membrane and surface protein sequences with the hydrophobic moment plot*.
    """

    def __init__(self, *, training: Int[Tensor, "M L"], reference: Int[Tensor, "R W"]) -> None:
        self._training = sorted(set(letters(training)))
        real = valid(letters(reference))
        if not real:
            raise DataError(
                "evaluation.descriptors=peptides: no test line consists of the letters of amino "
                f"acids ({AMINO_ACIDS})"
            )
        self._reference = described(real)

    def measure(self, samples: Int[Tensor, "N L"]) -> dict[str, float]:
        """Measure a set of samples, one string of letters each.

        Raises:
            NotMeasurable: none consists of amino acids.
        """
        from scipy.stats import wasserstein_distance

        lines = letters(samples)
        sound = valid(lines)
        if not sound:
            raise NotMeasurable("none of the samples consists of the letters of amino acids")
        found, real = described(sound), self._reference
        figures = {
            f"{name}_distance": float(
                wasserstein_distance(found[name], real[name]) / (real[name].std() or 1.0)
            )
            for name in ("charge", "moment", "hydrophobicity")
        }
        figures["letters_distance"] = float(np.abs(found["letters"] - real["letters"]).sum() / 2)
        figures["valid"] = len(sound) / len(lines)
        figures["edits"] = self._edits(sound[:NEIGHBOURS])
        return figures

    def _edits(self, lines: Sequence[str]) -> float:
        """Return the mean relative edit distance to the nearest training sequence."""
        distances = _modules()[1](lines, self._training)
        return float(np.mean(distances.min(1) / np.array([len(line) for line in lines])))


def described(lines: Sequence[str]) -> dict[str, Float[np.ndarray, " _"]]:
    """Return charges, moments, hydrophobicities and the shares of letters of peptides."""
    descriptors, _ = _modules()
    charge = descriptors.GlobalDescriptor(list(lines))
    charge.calculate_charge(ph=7.4, amide=True)
    helix = descriptors.PeptideDescriptor(list(lines), SCALE)
    helix.calculate_moment(angle=HELIX)
    mean = descriptors.PeptideDescriptor(list(lines), SCALE)
    mean.calculate_global()
    joined = "".join(lines)
    shares = np.array([joined.count(letter) for letter in AMINO_ACIDS], float)
    return {
        "charge": charge.descriptor[:, 0],
        "moment": helix.descriptor[:, 0],
        "hydrophobicity": mean.descriptor[:, 0],
        "letters": shares / max(len(joined), 1),
    }


def valid(lines: Sequence[str]) -> list[str]:
    """Return the lines that consist of amino acids."""
    return [line for line in lines if line and set(line) <= set(AMINO_ACIDS)]


def letters(items: Int[Tensor, "N L"]) -> list[str]:
    """Return the lines of items whose units are characters; others become question marks."""
    known = {int(unit_items([letter], "characters")[0, 0]): letter for letter in AMINO_ACIDS}
    return [
        "".join(known.get(number, "?") for number in row if number != PADDING)
        for row in items.tolist()
    ]


@cache
def _modules() -> tuple[Any, Callable[..., Any]]:
    """Import modlamp, and what computes edit distances.

    Raises:
        DataError: they are not installed.
    """
    try:
        # Imported late, because they are an extra.
        from modlamp import descriptors
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist
    except ImportError as error:
        raise DataError(
            "evaluation.descriptors=peptides requires modlamp and rapidfuzz: pip install "
            '"seqgan_kit[peptides]"'
        ) from error
    return descriptors, lambda one, other: cdist(one, other, scorer=Levenshtein.distance)
