"""Distance of two sets of samples, and spread of the samples of a class."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from ..errors import SeqganError


class TooFewSamples(SeqganError, ValueError):
    """Error for too few samples to compute a metric."""


class NotMeasurable(SeqganError, ValueError):
    """Error for samples or real data that make a metric undefined; the message says why."""


def frechet_distance(a_NF: Float[np.ndarray, "N F"], b_NF: Float[np.ndarray, "M F"]) -> float:
    r"""Compute the Frechet distance of two sets of features, assumed to be normally distributed.

    .. math:: \lVert\mu_a - \mu_b\rVert^2 + Tr(C_a + C_b - 2 (C_a C_b)^{1/2})

    In the features of a judge it is called "Frechet judge distance". It is not an FID, which uses
    the features of Inception.

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
    # eigenvalues, which are real and non-negative up to rounding.
    eigenvalues = np.linalg.eigvals(np.atleast_2d(cov_a) @ np.atleast_2d(cov_b)).real
    root = np.sqrt(eigenvalues.clip(min=0)).sum()
    return float(gap @ gap + np.trace(np.atleast_2d(cov_a + cov_b)) - 2 * root)


def spread_inside_class(x_NF: Float[np.ndarray, "N F"], class_N: Int[np.ndarray, " N"]) -> float:
    """Compute the mean Euclidean distance of two samples of a class, averaged over classes.

    It is zero for a generator that always produces the same sample for a class. Reports divide
    it by the value of real data.

    Args:
        x_NF: samples, flattened.
        class_N: their classes. A class with one sample is left out.

    Raises:
        TooFewSamples: no class has two samples.
    """
    # Imported late: scikit-learn is slow to import, and most commands measure nothing.
    from sklearn.metrics.pairwise import euclidean_distances

    means = []
    for number in np.unique(class_N):
        # A limit of 1000 samples per class bounds the cost, which is quadratic.
        members = x_NF[class_N == number][:1000].astype(np.float64)
        count = len(members)
        if count > 1:
            # Centring puts equal samples at exactly 0, so their distances are exactly 0.
            distances = euclidean_distances(members - members.mean(0))
            means.append(distances.sum() / (count * (count - 1)))
    if not means:
        raise TooFewSamples("spread needs a class with at least two samples")
    return float(np.mean(means))
