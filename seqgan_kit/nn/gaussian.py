"""Diagonal normal distributions."""

from __future__ import annotations

import torch  # noqa: F401 (the example)
from jaxtyping import Float
from torch import Tensor


def kl_to_prior(
    mean_BZ: Float[Tensor, "B Z"], log_variance_BZ: Float[Tensor, "B Z"]
) -> Float[Tensor, " B"]:
    r"""Return the KL divergence of diagonal normals from the standard normal, in nats.

    .. math:: KL(q \Vert p) = \frac{1}{2} \sum_z (\mu_z^2 + \sigma_z^2 - 1 - \log \sigma_z^2)

    >>> kl_to_prior(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2))
    tensor([0.5000])

    References:
        Kingma & Welling 2014, appendix B.
    """
    return 0.5 * (mean_BZ.square() + log_variance_BZ.exp() - 1 - log_variance_BZ).sum(1)
