"""How far two sets of samples lie apart, and how much the samples of a class differ."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from ..errors import SeqganError


class TooFewSamples(SeqganError, ValueError):
    """Fewer samples than a figure can be computed from."""


class NotMeasurable(SeqganError, ValueError):
    """Samples or real data of which a figure is not defined; the message says why."""


def frechet_distance(a_NF: Float[np.ndarray, "N F"], b_NF: Float[np.ndarray, "M F"]) -> float:
    r"""Frechet distance of two sets of features, taken for normal distributions.

    .. math:: \lVert\mu_a - \mu_b\rVert^2 + Tr(C_a + C_b - 2 (C_a C_b)^{1/2})

    In the features of a judge it is the "Frechet judge distance": not an FID, whose features are
    Inception's.

    Args:
        a_NF: features ``[N, F]`` of one set.
        b_NF: features ``[M, F]`` of the other.

    Raises:
        TooFewSamples: a set has fewer than two samples.

    References:
        Dowson & Landau 1982; Heusel et al. 2017, equation 6.
    """
    if min(len(a_NF), len(b_NF)) < 2:
        raise TooFewSamples("the Frechet distance needs at least two samples on each side")
    a, b = np.asarray(a_NF, np.float64), np.asarray(b_NF, np.float64)
    gap = a.mean(0) - b.mean(0)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # The trace of the root of a product of covariances is the sum of the roots of its
    # eigenvalues, which are real and not negative but for rounding.
    eigenvalues = np.linalg.eigvals(np.atleast_2d(cov_a) @ np.atleast_2d(cov_b)).real
    root = np.sqrt(eigenvalues.clip(min=0)).sum()
    return float(gap @ gap + np.trace(np.atleast_2d(cov_a + cov_b)) - 2 * root)


def spread_inside_class(x_NF: Float[np.ndarray, "N F"], class_N: Int[np.ndarray, " N"]) -> float:
    """Mean Euclidean distance of two samples of one class, averaged over the classes.

    Zero for a generator that has one sample for each class. The reports divide it by the same
    figure of real data.

    Args:
        x_NF: samples, flattened.
        class_N: their classes. A class with one sample is left out.

    Raises:
        TooFewSamples: no class has two samples.
    """
    # Imported late: scikit-learn takes its time, and most commands measure nothing.
    from sklearn.metrics.pairwise import euclidean_distances

    means = []
    for number in np.unique(class_N):
        # A fixed thousand of a class bounds the cost, which grows with the square.
        members = x_NF[class_N == number][:1000].astype(np.float64)
        count = len(members)
        if count > 1:
            # About their mean, equal samples are at 0, and so are their distances.
            distances = euclidean_distances(members - members.mean(0))
            means.append(distances.sum() / (count * (count - 1)))
    if not means:
        raise TooFewSamples("spread needs a class with at least two samples")
    return float(np.mean(means))
