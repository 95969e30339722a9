"""Generators and discriminators: recurrent ones, those of whole images, and autoencoders."""

from .image_gan import ConvolutionalDiscriminator, ConvolutionalGenerator, DenseGenerator
from .readers import RecurrentDiscriminator, RecurrentEncoder
from .sequence import RecurrentGenerator
from .vae import ConvolutionalEncoder, VariationalAutoencoder

__all__ = [
    "ConvolutionalDiscriminator",
    "ConvolutionalEncoder",
    "ConvolutionalGenerator",
    "DenseGenerator",
    "RecurrentDiscriminator",
    "RecurrentEncoder",
    "RecurrentGenerator",
    "VariationalAutoencoder",
]
