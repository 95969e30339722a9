"""The gradient of every item from one pass equals that of a batch of this item alone."""

import math

import pytest
import torch

from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.labels import Ordered
from seqgan_kit.models.image_gan import ConvolutionalDiscriminator, DenseGenerator
from seqgan_kit.models.readers import RecurrentDiscriminator, RecurrentEncoder
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.models.vae import VariationalAutoencoder
from seqgan_kit.nn.categorical import CategoricalHead, TokenEmbedding
from seqgan_kit.nn.convolution import StepConvolutions
from seqgan_kit.nn.gru import gru_layer
from seqgan_kit.nn.heads import BernoulliHead, ContinuousHead
from seqgan_kit.nn.lstm import lstm_layer
from seqgan_kit.nn.normalization import normalize_spectrally
from seqgan_kit.nn.per_item import Tape
from seqgan_kit.objectives import ELBO, GAN, FiniteDifference, Likelihood, PolicyGradient
from seqgan_kit.objectives.objective import Moment
from seqgan_kit.objectives.policy import MovingAverage
from seqgan_kit.training.private import mixed

PENALTY = (FiniteDifference(every=1),)
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
    ),
]


def writer(cell="lstm", head=None, **changes):
    settings = dict(
        head=head or ContinuousHead(8, 4), classes=(3, 2), steps=5, cell=cell, hidden_size=8,
        layers=2, input_size=6, noise_size=4, step_noise_size=2, label_size=4,
    )  # fmt: skip
    return RecurrentGenerator(**(settings | changes))


def reader(features=4, group=0, **changes):
    settings = dict(classes=(3, 2), hidden_size=8, layers=2, group=group)
    return RecurrentDiscriminator(features=features, **(settings | changes))


def convolutional(**changes):
    made = StepConvolutions(maps=None, features=4, channels=(3, 5), kernel=3, stride=1, **changes)
    return reader(convolutions=made, logits="both")


def token_game(**changes):
    head = CategoricalHead(8, 7, embedding_size=4, end=0)
    generator = writer(head=head, feedback=True)
    view = TokenEmbedding(vocabulary=7, size=4, unit_norm=True)
    return GAN(generator, reader(view=view), loss="hinge", **changes)


def images():
    head = ContinuousHead(6, 36)
    generator = DenseGenerator(head=head, classes=(3, 2), widths=(6,), noise_size=4, label_size=4)
    return GAN(
        generator,
        ConvolutionalDiscriminator(shape=(1, 6, 6), classes=(3, 2), channels=(3, 4), group=0),
        loss="non-saturating",
        mismatch=0.3,
    )


def elbo():
    decoder = writer(head=BernoulliHead(8, 4), step_noise_size=0)
    encoder = RecurrentEncoder(features=4, classes=(3, 2), hidden_size=8)
    return ELBO(VariationalAutoencoder(encoder=encoder, decoder=decoder, latent_size=4))


def likelihood(cell, head=None):
    head = head or CategoricalHead(8, 7, embedding_size=4, end=0)
    generator = writer(
        cell, head, feedback=True, noise_size=0, step_noise_size=0, dropout=0.3
    )  # fmt: skip
    return Likelihood(generator, label_dropout=0.4)


def numeric():
    classes = (3, Ordered([0.0, 0.5]))
    return GAN(writer(classes=classes), reader(classes=classes), loss="wasserstein")


APART = {
    "lstm": lambda: GAN(
        writer(), reader(), loss="non-saturating", mismatch=0.2, penalties=PENALTY
    ),
    "gru": lambda: GAN(writer("gru"), reader(cell="gru"), loss="hinge", penalties=PENALTY),
    "steps": lambda: GAN(writer(), reader(logits="step"), loss="least-squares"),
    "concatenation": lambda: GAN(
        writer(), reader(condition="concatenation"), loss="hinge", mismatch=0.2
    ),
    "pairs": lambda: GAN(writer(), reader(bidirectional=False), loss="relativistic"),
    "convolutions": lambda: GAN(writer(), convolutional(), loss="hinge", penalties=PENALTY),
    "tokens": lambda: token_game(penalties=PENALTY),
    "numeric label": numeric,
    "images": images,
    "likelihood": lambda: likelihood("lstm"),
    "likelihood gru": lambda: likelihood("gru", BernoulliHead(8, 4)),
    "elbo": elbo,
}
MIXED = {
    "minibatch feature": lambda: GAN(writer(), reader(group=2), loss="hinge"),
    "spectral norm": lambda: _spectral(GAN(writer(), reader(), loss="hinge")),
    "means over all steps": lambda: PolicyGradient(
        writer(head=CategoricalHead(8, 7, embedding_size=4, end=0), feedback=True),
        reader(view=TokenEmbedding(vocabulary=7, size=4), logits="step"),
        baseline=MovingAverage(5, 0.9),
    ),
    "tied embeddings": lambda: likelihood(
        "lstm", CategoricalHead(8, 7, embedding_size=4, end=0, tied=True)
    ),
}


def _spectral(game):
    normalize_spectrally(game.discriminator)
    return game


def made(make):
    torch.manual_seed(0)
    objective = make()
    tokens = "Categorical" in repr(objective.networks[objective.averaged])
    whole = isinstance(objective.networks[objective.averaged], DenseGenerator)
    label_BA = torch.tensor([[0, 1], [2, 0], [1, 1]])
    length_B = torch.tensor([5, 2, 4])
    mask_BT = torch.arange(5) < length_B[:, None]
    if whole:
        return objective, Batch(torch.rand(3, 1, 36) * 2 - 1, full_mask(3, 1), label_BA)
    x = torch.randint(1, 7, (3, 5)) if tokens else torch.rand(3, 5, 4).round() * 2 - 1
    return objective, Batch(x, mask_BT, label_BA)


def on(device, objective, batch):
    for network in objective.networks.values():
        network.to(device).train()
    return Batch(batch.x_BTF.to(device), batch.mask_BT.to(device), batch.label_BA.to(device))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", APART)
def test_one_pass_knows_every_item(name, device):
    objective, batch = made(APART[name])
    batch = on(device, objective, batch)
    assert mixed(objective.turns[0], objective.networks, batch) == []


@pytest.mark.parametrize("name", MIXED)
def test_what_mixes_items_is_found(name):
    objective, batch = made(MIXED[name])
    assert mixed(objective.turns[0], objective.networks, batch)


def recorded(objective, batch):
    turn = objective.turns[0]
    network = objective.networks[turn.name]
    tape = Tape(network, len(batch))
    from seqgan_kit.nn.noise import seeded_noise

    with tape.recording():
        outcome = turn.compute(batch, seeded_noise(0), Moment(0, 0.0))
    (sum(outcome.losses.values()) * len(batch)).backward()
    return tape


@pytest.mark.parametrize("name", ["lstm", "convolutions", "likelihood"])
def test_norms_and_sums_are_those_of_the_gradients(name):
    """Both go round the gradients where that is cheaper."""
    objective, batch = made(APART[name])
    tape = recorded(objective, batch)
    gradient = {name: tape.gradient(name) for name in tape.parameters}
    flat_NP = torch.cat([one.flatten(1) for one in gradient.values()], 1)
    assert torch.allclose(tape.squared_norms(), flat_NP.square().sum(1), rtol=1e-4)
    unit_N = torch.tensor([1, 0, 1])
    of_units = torch.stack([flat_NP[1], (flat_NP[0] + flat_NP[2]) / 2]).square().sum(1)
    assert torch.allclose(tape.squared_norms(unit_N, 2), of_units, rtol=1e-4)
    weight_N = torch.tensor([0.5, 2.0, -1.0])
    found = tape.weighted_sum(weight_N)
    for name, one in gradient.items():
        expected = torch.tensordot(weight_N, one, 1)
        assert torch.allclose(found[name], expected, rtol=1e-3, atol=1e-5), name


@pytest.mark.parametrize("gates", [3, 4])
def test_noted_layers_equal_those_of_pytorch(gates):
    torch.manual_seed(0)
    plain = (torch.nn.GRU if gates == 3 else torch.nn.LSTM)(3, 4)
    x_TBF = torch.randn(6, 2, 3, requires_grad=True)
    state = [torch.randn(1, 2, 4, requires_grad=True) for _ in range(gates - 2)]
    expected = plain(x_TBF, state[0] if gates == 3 else tuple(state))[0]
    weight = torch.randn_like(expected)
    weights = list(plain.parameters())
    wanted = torch.autograd.grad((expected * weight).sum(), [x_TBF, *state, *weights])
    notes = []
    first = [one[0] for one in state]
    if gates == 3:
        found = gru_layer(x_TBF, *first, *weights, record=lambda *note: notes.extend(note))
    else:
        found, _ = lstm_layer(x_TBF, *first, *weights, record=lambda *note: notes.extend(note))
    assert torch.allclose(found, expected, atol=1e-6)
    got = torch.autograd.grad((found * weight).sum(), [x_TBF, *state])
    back_TBG, into_TBF, again_TBG, before_TBH = notes
    got += (
        torch.einsum("tbg,tbf->gf", back_TBG, into_TBF),
        torch.einsum("tbg,tbh->gh", again_TBG, before_TBH),
        back_TBG.sum((0, 1)),
        again_TBG.sum((0, 1)),
    )
    for one, other in zip(got, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_nothing_is_noted_outside_the_block():
    objective, batch = made(APART["lstm"])
    recorded(objective, batch)
    network = objective.discriminator
    assert all(weight.requires_grad and weight.grad is None for weight in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())
    assert math.isfinite(objective.turns[0].repeats)
