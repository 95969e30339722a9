"""Layers and heads of sequence models: recurrent layers, convolutions, heads, labels, noise.

Every module works on tensors as :mod:`seqgan_kit.batch` names their dimensions.
"""

from .categorical import CategoricalHead, TokenEmbedding
from .condition import LabelEmbedding
from .grouped import GroupedCategoricalHead
from .heads import BernoulliHead, ContinuousHead, LogisticHead
from .mixed import MixedHead, MixedLikelihoodHead, Piece
from .networks import Autoencoder, Discriminator, Generator
from .noise import Latent, Noise, seeded_noise
from .recurrent import Recurrent
from .relaxation import Decoding, gumbel_softmax, straight_through

__all__ = [
    "Autoencoder",
    "BernoulliHead",
    "CategoricalHead",
    "ContinuousHead",
    "Decoding",
    "Discriminator",
    "Generator",
    "GroupedCategoricalHead",
    "LabelEmbedding",
    "Latent",
    "LogisticHead",
    "MixedHead",
    "MixedLikelihoodHead",
    "Noise",
    "Piece",
    "Recurrent",
    "TokenEmbedding",
    "gumbel_softmax",
    "seeded_noise",
    "straight_through",
]
