"""The models of seqgan_kit itself, each found by its entry point like anybody else's.

What needs torch is imported when a network is made, so that reading a recipe is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kind import Codec, Model
from ..recipe.models import ImageGanRecipe, RecurrentGanRecipe, RecurrentVaeRecipe, VaeRecipe

if TYPE_CHECKING:
    from ..nn.networks import Discriminator, Generator

Classes = tuple[int, ...]


def _recurrent_generator(model: RecurrentGanRecipe, codec: Codec, classes: Classes) -> Generator:
    from .networks import recurrent_generator

    return recurrent_generator(model, codec, classes)


def _recurrent_discriminator(
    model: RecurrentGanRecipe, codec: Codec, classes: Classes
) -> Discriminator:
    from .networks import recurrent_discriminator

    return recurrent_discriminator(model, codec, classes)


def _image_generator(model: ImageGanRecipe, codec: Codec, classes: Classes) -> Generator:
    from .networks import image_generator

    return image_generator(model, codec, classes)


def _image_discriminator(model: ImageGanRecipe, codec: Codec, classes: Classes) -> Discriminator:
    from .networks import convolutional_discriminator

    return convolutional_discriminator(model, codec, classes)


def _vae(model: VaeRecipe, codec: Codec, classes: Classes) -> Generator:
    from .networks import vae

    return vae(model, codec, classes)


def _recurrent_vae(model: RecurrentVaeRecipe, codec: Codec, classes: Classes) -> Generator:
    from .networks import recurrent_vae

    return recurrent_vae(model, codec, classes)


RECURRENT_GAN = Model(
    "recurrent_gan", RecurrentGanRecipe, _recurrent_generator, _recurrent_discriminator
)
IMAGE_GAN = Model("image_gan", ImageGanRecipe, _image_generator, _image_discriminator)
VAE = Model("vae", VaeRecipe, _vae)
RECURRENT_VAE = Model("recurrent_vae", RecurrentVaeRecipe, _recurrent_vae)
