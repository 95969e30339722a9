"""The property suite of networks that write and read a whole thing at once."""

import numpy as np
import pytest
import torch

from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.kinds.images.codec import ImageCodec
from seqgan_kit.models.image_gan import (
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    DenseGenerator,
)
from seqgan_kit.nn.convolution import Enlarging, Shrinking
from seqgan_kit.nn.heads import ContinuousHead
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.nn.normalization import normalize_spectrally
from seqgan_kit.objectives.adversarial import ADVERSARIAL
from seqgan_kit.objectives.gan import GAN
from seqgan_kit.objectives.objective import Moment
from seqgan_kit.objectives.penalties import ExactGradient, FiniteDifference, GradientPenalty

SHAPE = (3, 7, 5)
FEATURES = 105
LABELS = torch.tensor([[0, 0], [1, 1], [2, 0], [0, 1]])


def dense_generator():
    torch.manual_seed(0)
    return DenseGenerator(
        head=ContinuousHead(9, FEATURES), classes=(3, 2), widths=(8, 9), noise_size=4, label_size=5
    )


def convolutional_generator():
    torch.manual_seed(0)
    return ConvolutionalGenerator(
        shape=SHAPE, classes=(3, 2), channels=(6, 4), noise_size=4, label_size=5
    )


def critic(**changes):
    torch.manual_seed(1)
    settings = dict(shape=SHAPE, classes=(3, 2), channels=(4, 6), hidden_size=8, group=2)
    return ConvolutionalDiscriminator(**(settings | changes))


def things(count=4):
    rng = torch.Generator().manual_seed(2)
    return torch.rand(count, 1, FEATURES, generator=rng) * 2 - 1


@pytest.mark.parametrize("make", [dense_generator, convolutional_generator])
class TestGenerator:
    def test_writes_values_within_bounds(self, make):
        network = make()
        x_BTF, mask_BT = network(network.draw(4, seeded_noise(0)), LABELS)
        assert x_BTF.shape == (4, 1, FEATURES)
        assert mask_BT.shape == (4, 1)
        assert mask_BT.all()
        assert x_BTF.abs().max() <= 1

    def test_every_parameter_gets_a_gradient(self, make):
        network = make()
        x_BTF, _ = network(network.draw(4, seeded_noise(0)), LABELS)
        (x_BTF * torch.randn(x_BTF.shape)).sum().backward()
        assert not [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 0]

    def test_label_and_noise_change_the_sample(self, make):
        network = make()
        latent = network.draw(4, seeded_noise(0))
        x_BTF, _ = network(latent, LABELS)
        again, _ = network(network.draw(4, seeded_noise(0)), LABELS)
        assert torch.equal(again, x_BTF)
        for attribute in range(2):
            label_BA = LABELS.clone()
            label_BA[:, attribute] = (label_BA[:, attribute] + 1) % 2
            other, _ = network(latent, label_BA)
            assert (other - x_BTF).flatten(1).abs().amax(1).min() > 1e-4
        other, _ = network(network.draw(4, seeded_noise(1)), LABELS)
        assert (other - x_BTF).flatten(1).abs().amax(1).min() > 1e-4

    def test_samples_do_not_depend_on_their_batch(self, make):
        network = make()
        latent = network.draw(4, seeded_noise(0))
        x_BTF, _ = network(latent, LABELS)
        alone, _ = network(type(latent)(*(t[1:2] for t in latent)), LABELS[1:2])
        torch.testing.assert_close(alone, x_BTF[1:2])


@pytest.mark.parametrize("changes", [{}, {"hidden_size": 0, "group": 0}, {"kernel": 3}])
class TestDiscriminator:
    def test_every_parameter_gets_a_gradient(self, changes):
        network = critic(**changes)
        logit_B = network(things(), LABELS, full_mask(4, 1))
        assert logit_B.shape == (4,)
        (logit_B * torch.randn(4)).sum().backward()
        assert not [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 0]

    def test_the_label_matters(self, changes):
        network = critic(**changes)
        logit_B = network(things(), LABELS, full_mask(4, 1))
        for attribute in range(2):
            label_BA = LABELS.clone()
            label_BA[:, attribute] = (label_BA[:, attribute] + 1) % 2
            assert (network(things(), label_BA, full_mask(4, 1)) - logit_B).abs().max() > 1e-5

    def test_several_labels_at_once(self, changes):
        network = critic(**changes)
        both = network.score_labels(things(), [LABELS, LABELS.flip(0)], full_mask(4, 1))
        torch.testing.assert_close(both[0], network(things(), LABELS, full_mask(4, 1)))
        torch.testing.assert_close(both[1], network(things(), LABELS.flip(0), full_mask(4, 1)))


def test_the_minibatch_feature_sees_repetition():
    network = critic()
    x_BTF, other = things(2).split(1)
    mask_BT, label_BA = full_mask(2, 1), LABELS[:1].repeat(2, 1)
    varied = network(torch.cat([x_BTF, other]), label_BA, mask_BT)[0]
    repeated = network(torch.cat([x_BTF, x_BTF]), label_BA, mask_BT)[0]
    assert (varied - repeated).abs() > 1e-4


@pytest.mark.parametrize("loss", list(ADVERSARIAL))
@pytest.mark.parametrize(
    "penalty",
    [FiniteDifference(every=1), ExactGradient(every=1, on="both"), GradientPenalty()],
    ids=lambda p: type(p).__name__,
)
def test_the_game_is_the_same(loss, penalty):
    """The objectives and penalties of sequences, unchanged."""
    network = critic()
    normalize_spectrally(network)
    game = GAN(convolutional_generator(), network, loss=loss, penalties=(penalty,), mismatch=0.2)
    batch = Batch(things(), full_mask(4, 1), LABELS)
    for turn in game.turns:
        for name, module in game.networks.items():
            module.requires_grad_(name == turn.name)
            module.zero_grad()
        outcome = turn.compute(batch, seeded_noise(0), Moment(0, 0.0))
        sum(outcome.losses.values()).backward()
        learned = [p.grad is not None for p in game.networks[turn.name].parameters()]
        assert all(learned)
        assert all(loss.isfinite() for loss in outcome.losses.values())
    assert "penalty" in game.turns[0].compute(batch, seeded_noise(0), Moment(0, 0.0)).losses


@pytest.mark.parametrize("size", [(28, 28), (7, 5), (8, 8), (1, 1)])
def test_any_size_is_reached(size):
    shape = (2, *size)
    written = Enlarging(inputs=3, shape=shape, channels=(4, 4))(torch.randn(2, 3))
    assert written.shape == (2, 2 * size[0] * size[1])
    reader = Shrinking(shape=shape, channels=(4, 4, 4))
    assert reader(written).shape == (2, reader.size)


def test_the_codec_goes_there_and_back():
    codec = ImageCodec(height=7, width=5, channels=3)
    raw = np.random.default_rng(0).integers(0, 256, (4, 7, 5, 3), dtype=np.uint8)
    x_BTF, mask_BT = codec.encode(raw)
    assert x_BTF.shape == (4, 1, codec.features)
    assert mask_BT.shape == (4, 1)
    # Channel by channel, as convolutions read it.
    np.testing.assert_allclose(
        x_BTF.view(4, *codec.shape)[1, 2].numpy(), raw[1, :, :, 2] / 127.5 - 1, atol=1e-6
    )
    np.testing.assert_allclose(codec.decode(x_BTF, mask_BT).numpy() * 255, raw, atol=1e-3)
    with pytest.raises(ValueError, match="the codec expects"):
        codec.encode(raw[:, :5])


def test_a_tiny_image_gan_learns_two_pictures():
    torch.manual_seed(0)
    truth = torch.stack([torch.linspace(-0.8, 0.8, 16), torch.linspace(0.8, -0.8, 16)])[:, None]
    network = DenseGenerator(
        head=ContinuousHead(16, 16), classes=(2,), widths=(16,), noise_size=4, label_size=8
    )
    reader = ConvolutionalDiscriminator(
        shape=(1, 4, 4), classes=(2,), channels=(8, 16), kernel=3, hidden_size=16, group=0
    )
    game = GAN(network, reader, loss="relativistic", penalties=(FiniteDifference(every=1),))
    optimizers = {
        name: torch.optim.Adam(module.parameters(), lr=5e-3, betas=(0.5, 0.99))
        for name, module in game.networks.items()
    }
    label_BA = torch.tensor([[0], [1]] * 8)
    batch = Batch(truth[label_BA[:, 0]], full_mask(16, 1), label_BA)
    noise = seeded_noise(0)

    def error():
        with torch.no_grad():
            x_BTF, _ = network(network.draw(16, seeded_noise(9)), label_BA)
        return (x_BTF - batch.x_BTF).abs().mean().item()

    before = error()
    for step in range(400):
        for turn in game.turns:
            for name, module in game.networks.items():
                module.requires_grad_(name == turn.name)
            loss = sum(turn.compute(batch, noise, Moment(step, 0.0)).losses.values())
            optimizers[turn.name].zero_grad()
            loss.backward()
            optimizers[turn.name].step()
    assert before > 0.35
    assert error() < 0.15
