"""Spectral normalisation of whole networks, recurrent layers included."""

from __future__ import annotations

import warnings

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from .recurrent import Recurrent


def normalize_spectrally(network: nn.Module) -> None:
    """Divide every weight matrix of a network by its largest singular value, in place.

    This applies to linear, convolutional and recurrent layers. Vectors, biases and the tables of
    label embeddings are unchanged.

    References:
        Miyato et al. 2018, *Spectral Normalization for Generative Adversarial Networks*.
    """
    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)
    for module in list(network.modules()):
        if isinstance(module, layers):
            spectral_norm(module)
        elif isinstance(module, Recurrent):
            for name in [n for n, _ in module.weights.named_parameters() if "weight" in n]:
                spectral_norm(module.weights, name)
            # The normalised matrices are new tensors at every call, so cuDNN copies them into one
            # block and warns about it (PyTorch issue 86457). Users cannot change that.
            warnings.filterwarnings("ignore", message="RNN module weights are not part of single")
