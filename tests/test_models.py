"""The property suite: what must hold for every generator and every discriminator."""

import itertools

import pytest
import torch

from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.files import read_tensors, write_tensors
from seqgan_kit.models.readers import RecurrentDiscriminator
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.convolution import StepConvolutions
from seqgan_kit.nn.heads import ContinuousHead
from seqgan_kit.nn.noise import Latent, Noise, seeded_noise
from seqgan_kit.objectives.gan import GAN
from seqgan_kit.objectives.objective import Moment

STEPS, FEATURES, HIDDEN = 6, 5, 8


def generator(**changes):
    torch.manual_seed(1)
    settings = dict(
        classes=(3, 2), steps=STEPS, hidden_size=HIDDEN, input_size=7, noise_size=4,
        step_noise_size=3, label_size=6,
    )  # fmt: skip
    return RecurrentGenerator(head=ContinuousHead(HIDDEN, FEATURES), **(settings | changes))


def discriminator(*, width=None, stride=1, **changes):
    """With ``width``, convolutions read a step of so many places first."""
    torch.manual_seed(2)
    settings = dict(features=FEATURES, classes=(3, 2), hidden_size=HIDDEN, group=2)
    if width is not None:
        settings["convolutions"] = StepConvolutions(
            # Five numbers are as many maps of one place, or two maps of three places that overlap.
            maps=None if width == 1 else lambda x: torch.stack([x[..., :3], x[..., 2:]], 1),
            features=FEATURES, channels=(4, 3), kernel=3,
            causal=not changes.get("bidirectional", True), stride=stride,
        )  # fmt: skip
    return RecurrentDiscriminator(**(settings | changes))


GENERATORS = [
    pytest.param(
        dict(cell=cell, layers=layers, feedback=feedback), id=f"{cell}{layers}-{feedback}"
    )
    for cell, layers, feedback in itertools.product(["lstm", "gru"], [1, 2], [False, True])
] + [pytest.param(dict(step_noise_size=0), id="no-step-noise")]
DISCRIMINATORS = [
    pytest.param(
        dict(cell=cell, bidirectional=both, logits=logits, condition=condition, layers=layers),
        id=f"{cell}{layers}-{'both' if both else 'one'}-{logits}-{condition}",
    )
    for cell, both, logits, condition, layers in itertools.product(
        ["lstm", "gru"],
        [True, False],
        ["sequence", "step", "both"],
        ["projection", "concatenation"],
        [1, 2],
    )
]
DISCRIMINATORS += [
    pytest.param(
        dict(bidirectional=both, logits=logits, condition="projection", layers=1, width=width),
        id=f"convolutions{width}-{'both' if both else 'one'}-{logits}",
    )
    for both, logits, width in itertools.product([True, False], ["sequence", "step"], [1, 3])
] + [
    pytest.param(
        dict(bidirectional=True, logits="sequence", condition=condition, width=3, stride=2),
        id=f"convolutions-stride2-{condition}",
    )
    for condition in ["projection", "concatenation"]
]
LABELS = torch.tensor([[0, 0], [1, 1], [2, 0], [0, 1]])


@pytest.mark.parametrize("changes", GENERATORS)
class TestGenerator:
    def test_writes_values_within_bounds_and_a_mask(self, changes):
        network = generator(**changes)
        x_BTF, mask_BT = network(network.draw(4, seeded_noise(0)), LABELS)
        assert x_BTF.shape == (4, STEPS, FEATURES)
        assert mask_BT.all()
        assert mask_BT.shape == (4, STEPS)
        assert x_BTF.abs().max() <= 1

    def test_every_parameter_gets_a_gradient(self, changes):
        network = generator(**changes)
        x_BTF, _ = network(network.draw(4, seeded_noise(0)), LABELS)
        (x_BTF * torch.randn(x_BTF.shape)).sum().backward()
        assert not [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 0]

    def test_no_gradient_from_the_future(self, changes):
        network = generator(**changes)
        latent = network.draw(4, seeded_noise(0))
        step_BTE = latent.step_BTE.requires_grad_()
        x_BTF, _ = network(latent._replace(step_BTE=step_BTE), LABELS)
        if not step_BTE.numel():
            return
        (gradient,) = torch.autograd.grad(x_BTF[:, 2].sum(), step_BTE)
        assert gradient[:, :3].abs().sum() > 0
        assert gradient[:, 3:].abs().sum() == 0

    def test_stepwise_equals_unrolled(self, changes):
        network = generator(**changes)
        latent = network.draw(4, seeded_noise(0))
        x_BTF, _ = network(latent, LABELS)
        state, input_BTI = network.begin(latent, LABELS)
        before = None
        for t in range(STEPS):
            state, x_B1F = network.step(state, input_BTI[:, t], before, latent.head_BTN[:, t])
            torch.testing.assert_close(x_B1F[:, 0], x_BTF[:, t])
            before = network.head.embed(x_B1F)[:, 0]

    def test_label_and_noise_change_the_sample(self, changes):
        network = generator(**changes)
        latent = network.draw(4, seeded_noise(0))
        x_BTF, _ = network(latent, LABELS)
        again, _ = network(latent, LABELS)
        for attribute in range(2):
            label_BA = LABELS.clone()
            label_BA[:, attribute] = (label_BA[:, attribute] + 1) % 2
            other, _ = network(latent, label_BA)
            assert (other - x_BTF).abs().amax((1, 2)).min() > 1e-4
        noise, _ = network(network.draw(4, seeded_noise(1)), LABELS)
        assert torch.equal(again, x_BTF)
        assert (noise - x_BTF).abs().max() > 1e-3

    def test_shorter_sequences_are_the_beginning_of_longer_ones(self, changes):
        network = generator(**changes)
        latent = network.draw(4, seeded_noise(0))
        short = Latent(latent.z_BZ, latent.step_BTE[:, :3], latent.head_BTN[:, :3])
        torch.testing.assert_close(network(short, LABELS)[0], network(latent, LABELS)[0][:, :3])

    def test_saved_and_loaded_it_writes_the_same(self, changes, tmp_path):
        network = generator(**changes)
        write_tensors(tmp_path / "w.safetensors", network.state_dict())
        other = generator(**changes)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.zero_()
        other.load_state_dict(read_tensors(tmp_path / "w.safetensors"))
        latent = network.draw(4, seeded_noise(0))
        assert torch.equal(network(latent, LABELS)[0], other(latent, LABELS)[0])


def test_more_steps_than_positions_are_refused():
    network = generator()
    with pytest.raises(ValueError, match="9 steps"):
        network(network.draw(1, seeded_noise(0), steps=9), LABELS[:1])


def ragged():
    torch.manual_seed(3)
    mask_BT = torch.arange(STEPS) < torch.tensor([6, 4, 1, 3])[:, None]
    return torch.randn(4, STEPS, FEATURES), mask_BT


@pytest.mark.parametrize("changes", DISCRIMINATORS)
class TestDiscriminator:
    def test_every_parameter_gets_a_gradient(self, changes):
        network = discriminator(**changes)
        x_BTF, mask_BT = ragged()
        (
            network(x_BTF, LABELS, mask_BT)
            * torch.randn(4, *[STEPS] * (changes["logits"] != "sequence"))
        ).sum().backward()
        assert not [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 0]

    def test_padding_changes_nothing(self, changes):
        network = discriminator(**changes)
        x_BTF, mask_BT = ragged()
        logit = network(x_BTF, LABELS, mask_BT)
        other_BTF = torch.where(mask_BT[:, :, None], x_BTF, torch.full_like(x_BTF, 50.0))
        other = network(other_BTF, LABELS, mask_BT)
        longer = network(
            torch.cat([other_BTF, torch.randn(4, 3, FEATURES)], 1), LABELS,
            torch.cat([mask_BT, torch.zeros(4, 3, dtype=torch.bool)], 1),
        )  # fmt: skip
        if changes["logits"] != "sequence":
            logit, other, longer = logit[mask_BT], other[mask_BT], longer[:, :STEPS][mask_BT]
        torch.testing.assert_close(other, logit)
        torch.testing.assert_close(longer, logit)

    def test_the_label_matters(self, changes):
        network = discriminator(**changes)
        x_BTF, mask_BT = ragged()
        logit = network(x_BTF, LABELS, mask_BT)
        for attribute in range(2):
            label_BA = LABELS.clone()
            label_BA[:, attribute] = (label_BA[:, attribute] + 1) % 2
            assert (network(x_BTF, label_BA, mask_BT) - logit).abs().max() > 1e-5

    def test_reads_the_direction_it_says(self, changes):
        if changes["logits"] != "step":
            pytest.skip("the logit of the sequence reads the whole of it")
        network = discriminator(**changes)
        x_BTF = ragged()[0].requires_grad_()
        logit_BT = network(x_BTF, LABELS, full_mask(4, STEPS))
        (gradient,) = torch.autograd.grad(logit_BT[:, 2].sum(), x_BTF)
        assert gradient[:, :3].abs().sum() > 0
        assert (gradient[:, 3:].abs().sum() > 0) == changes["bidirectional"]


def test_the_minibatch_feature_sees_repetition():
    network = discriminator(group=2)
    x_BTF, mask_BT = torch.randn(1, STEPS, FEATURES), full_mask(2, STEPS)
    label_BA = LABELS[:1].repeat(2, 1)
    alone = network(torch.cat([x_BTF, torch.randn(1, STEPS, FEATURES)]), label_BA, mask_BT)[0]
    twice = network(torch.cat([x_BTF, x_BTF]), label_BA, mask_BT)[0]
    assert (alone - twice).abs() > 1e-4


def test_a_batch_that_has_no_groups_is_refused():
    with pytest.raises(ValueError, match="cannot be divided into groups of 4"):
        discriminator(group=4)(
            *[torch.randn(6, STEPS, FEATURES), LABELS[[0] * 6]], full_mask(6, STEPS)
        )


def test_processes_share_a_stream_of_noise():
    joined = seeded_noise(4).normal(6, 2)
    parts = [Noise(torch.Generator().manual_seed(4), rank, 3).normal(2, 2) for rank in range(3)]
    assert torch.equal(torch.cat(parts), joined)


@pytest.mark.parametrize("logits", ["sequence", "step", "both"])
def test_a_tiny_gan_learns_two_sequences(logits):
    """Two classes, one sequence each: the generator must come close to both and not mix them."""
    torch.manual_seed(0)
    truth_KTF = torch.stack(
        [torch.linspace(-0.8, 0.8, 8)[:, None], torch.linspace(0.8, -0.8, 8)[:, None]]
    )
    network = RecurrentGenerator(
        head=ContinuousHead(16, 1), classes=(2,), steps=8, hidden_size=16, layers=1,
        input_size=8, noise_size=4, step_noise_size=2, label_size=8,
    )  # fmt: skip
    critic = RecurrentDiscriminator(
        features=1, classes=(2,), hidden_size=16, logits=logits, group=0
    )
    game = GAN(network, critic, loss="relativistic")
    optimizers = {
        name: torch.optim.Adam(module.parameters(), lr=5e-3, betas=(0.5, 0.99))
        for name, module in game.networks.items()
    }
    label_BA = torch.tensor([[0], [1]] * 8)
    batch = Batch(truth_KTF[label_BA[:, 0]], full_mask(16, 8), label_BA)
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
