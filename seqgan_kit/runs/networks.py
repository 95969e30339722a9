"""From the sections of a recipe to networks.

Constructors of networks take plain keywords; only this file translates sections into them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from .. import plugins
from ..errors import PluginError, UsageError
from ..kind import Codec
from ..models.image_gan import (
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    DenseGenerator,
)
from ..models.readers import RecurrentDiscriminator, RecurrentEncoder
from ..models.sequence import RecurrentGenerator
from ..models.vae import ConvolutionalEncoder, VariationalAutoencoder
from ..nn.categorical import CategoricalHead, TokenEmbedding
from ..nn.convolution import StepConvolutions
from ..nn.grouped import GroupedCategoricalHead, GroupedEmbedding
from ..nn.heads import BernoulliHead, ContinuousHead, Head, LogisticHead, ValueLikelihood
from ..nn.mixed import MixedHead, MixedLikelihoodHead
from ..nn.networks import Autoencoder, Discriminator, Generator
from ..nn.normalization import normalize_spectrally
from ..nn.relaxation import TemperatureSchedule
from ..recipe.models import ImageGanRecipe, RecurrentGanRecipe, RecurrentVaeRecipe, VaeRecipe
from ..sections import ModelSection


def make_generator(model: ModelSection, codec: Codec, classes: tuple[int, ...]) -> Generator:
    """Make the network of a recipe that writes."""
    return plugins.models()[model.kind].generator(model, codec, classes)


def make_discriminator(
    model: ModelSection, codec: Codec, classes: tuple[int, ...]
) -> Discriminator:
    """Make the network of a recipe that tells real from generated.

    Raises:
        PluginError: the model has none.
    """
    make = plugins.models()[model.kind].discriminator
    if make is None:
        raise PluginError(f"the model {model.kind!r} brings no discriminator")
    return make(model, codec, classes)


def _whole(codec: Codec) -> tuple[int, int, int]:
    """Return channels, height and width of the one step of a sequence.

    Raises:
        UsageError: a step is something else.
    """
    if codec.shape is None:
        # The schema lets only such codecs meet these networks; a run's settings may be damaged.
        raise UsageError("these networks need a codec whose steps are whole items")
    return codec.shape


def _categorical(hidden_size: int, codec: Codec, **settings: Any) -> Head:
    schedule = TemperatureSchedule(**settings.pop("relaxation"))
    if codec.group > 1:
        # Whose recipe the schema has checked: such vectors are not tied.
        settings.pop("tied")
        return GroupedCategoricalHead(
            hidden_size, codec.features, group=codec.group, schedule=schedule, **settings
        )
    return CategoricalHead(
        hidden_size, codec.features, end=codec.end, schedule=schedule, **settings
    )


def _real_valued(
    head: Callable[..., ValueLikelihood], hidden_size: int, codec: Codec, **settings: Any
) -> Head:
    make = partial(head, hidden_size, **settings)
    if codec.mixed is None:
        return make(codec.features)
    return MixedLikelihoodHead(hidden_size, codec.mixed, make)


def _continuous(hidden_size: int, codec: Codec, **settings: Any) -> Head:
    if codec.mixed is None:
        return ContinuousHead(hidden_size, codec.features, exact=codec.exact, **settings)
    make = partial(ContinuousHead, hidden_size, **settings)
    return MixedHead(hidden_size, codec.mixed, make, exact=codec.exact)


HEADS: Mapping[str, Callable[..., Head]] = {
    "continuous": _continuous,
    "bernoulli": partial(_real_valued, BernoulliHead),
    "logistic": partial(_real_valued, LogisticHead),
    "categorical": _categorical,
}


def _head(settings: Mapping[str, Any], hidden_size: int, codec: Codec) -> Head:
    arguments = dict(settings)
    return HEADS[arguments.pop("kind")](hidden_size, codec, **arguments)


def recurrent_generator(
    model: RecurrentGanRecipe, codec: Codec, classes: tuple[int, ...]
) -> Generator:
    """Make the recurrent generator of a recipe."""
    settings = model.generator.model_dump()
    head = _head(settings.pop("head"), settings["hidden_size"], codec)
    return RecurrentGenerator(head=head, classes=classes, steps=codec.steps, **settings)


def _critic(
    make: Callable[..., Discriminator], settings: dict[str, Any], **arguments: Any
) -> Discriminator:
    spectral, group = settings.pop("spectral_norm"), settings.pop("minibatch_group")
    network = make(group=group, **settings, **arguments)
    if spectral:
        normalize_spectrally(network)
    return network


def recurrent_discriminator(
    model: RecurrentGanRecipe, codec: Codec, classes: tuple[int, ...]
) -> Discriminator:
    """Make the recurrent discriminator of a recipe."""
    settings = model.discriminator.model_dump()
    size, before = settings.pop("embedding_size"), settings.pop("convolutions")
    view = codec.view()
    features = codec.features if view is None else cast(Any, view).features
    if model.generator.head.kind == "categorical":
        group = codec.group
        features = size * group
        make = TokenEmbedding if group == 1 else partial(GroupedEmbedding, group=group)
        # Rows of unit length: a penalty perturbs what is embedded, and scaling would evade it.
        view = make(vocabulary=codec.features, size=size, unit_norm=True)
    convolutions = None
    if before:
        convolutions = StepConvolutions(
            # Only a view knows what in its steps are neighbours.
            maps=codec.maps if view is None else getattr(view, "maps", None),
            features=features,
            # A logit for each step is one of the steps so far; one for all must see the last.
            causal=not settings["bidirectional"] and settings["logits"] != "sequence",
            **before,
        )
        if convolutions.lines > 1 and settings["logits"] != "sequence":
            raise UsageError(
                "model.discriminator.logits: convolutions over steps of several rows or frames "
                "leave a logit for the sequence only; set it to sequence"
            )
    return _critic(
        RecurrentDiscriminator,
        settings,
        features=features,
        classes=classes,
        view=view,
        convolutions=convolutions,
    )


def image_generator(model: ImageGanRecipe, codec: Codec, classes: tuple[int, ...]) -> Generator:
    """Make the generator of whole images of a recipe."""
    settings = model.generator.model_dump()
    if settings.pop("kind") == "convolutional":
        return ConvolutionalGenerator(shape=_whole(codec), classes=classes, **settings)
    head = ContinuousHead(settings["widths"][-1], codec.features)
    return DenseGenerator(head=head, classes=classes, **settings)


def convolutional_discriminator(
    model: ImageGanRecipe, codec: Codec, classes: tuple[int, ...]
) -> Discriminator:
    """Make the convolutional discriminator of a recipe."""
    settings = model.discriminator.model_dump()
    return _critic(ConvolutionalDiscriminator, settings, shape=_whole(codec), classes=classes)


def vae(model: VaeRecipe, codec: Codec, classes: tuple[int, ...]) -> Autoencoder:
    """Make the autoencoder of whole images of a recipe."""
    settings = model.decoder.model_dump()
    head = _head(settings.pop("head"), settings["widths"][-1], codec)
    return VariationalAutoencoder(
        encoder=ConvolutionalEncoder(
            shape=_whole(codec), classes=classes, **model.encoder.model_dump()
        ),
        decoder=DenseGenerator(
            head=head, classes=classes, noise_size=model.latent_size, **settings
        ),
        latent_size=model.latent_size,
    )


def recurrent_vae(
    model: RecurrentVaeRecipe, codec: Codec, classes: tuple[int, ...]
) -> Autoencoder:
    """Make the recurrent autoencoder of a recipe."""
    settings = model.decoder.model_dump()
    head = _head(settings.pop("head"), settings["hidden_size"], codec)
    return VariationalAutoencoder(
        encoder=RecurrentEncoder(
            features=codec.features, classes=classes, **model.encoder.model_dump()
        ),
        decoder=RecurrentGenerator(
            head=head,
            classes=classes,
            steps=codec.steps,
            noise_size=model.latent_size,
            step_noise_size=0,
            **settings,
        ),
        latent_size=model.latent_size,
    )
