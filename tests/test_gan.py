"""The game: every loss with every penalty trains every kind of discriminator."""

import pytest
import torch

from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.models.readers import RecurrentDiscriminator
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.heads import ContinuousHead
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.nn.normalization import normalize_spectrally
from seqgan_kit.objectives.adversarial import ADVERSARIAL
from seqgan_kit.objectives.gan import GAN
from seqgan_kit.objectives.objective import Moment
from seqgan_kit.objectives.penalties import (
    ExactGradient,
    Falling,
    FiniteDifference,
    GradientPenalty,
)

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
    ),
]


def game(device="cpu", cell="lstm", spectral=False, logits="sequence", **changes):
    torch.manual_seed(0)
    generator = RecurrentGenerator(
        head=ContinuousHead(8, 3), classes=(2,), steps=5, cell=cell, hidden_size=8, layers=1,
        input_size=6, noise_size=4, step_noise_size=2, label_size=4,
    )  # fmt: skip
    discriminator = RecurrentDiscriminator(
        features=3, classes=(2,), cell=cell, hidden_size=8, logits=logits, group=2
    )
    if spectral:
        normalize_spectrally(discriminator)
    return GAN(generator.to(device), discriminator.to(device), **changes)


def batch(device="cpu"):
    torch.manual_seed(1)
    label_BA = torch.tensor([[0], [0], [1], [1]])
    x_BTF = torch.rand(4, 5, 3) * 2 - 1
    return Batch(x_BTF.to(device), full_mask(4, 5).to(device), label_BA.to(device))


def take(objective, turn, device="cpu", step=0):
    for name, network in objective.networks.items():
        network.requires_grad_(name == turn.name)
        network.zero_grad()
    outcome = turn.compute(batch(device), seeded_noise(0, device), Moment(step, 0.0))
    sum(outcome.losses.values()).backward()
    return outcome


def gradients(network):
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("logits", ["sequence", "step"])
@pytest.mark.parametrize("penalty", [FiniteDifference, ExactGradient, GradientPenalty])
def test_every_penalty_trains_every_discriminator(device, cell, spectral, logits, penalty):
    """The fused kernels have no second derivative: exact penalties must go round them."""
    objective = game(
        device, cell, spectral, logits, loss="relativistic", penalties=(penalty(every=1),)
    )
    outcome = take(objective, objective.turns[0], device)
    assert outcome.losses["penalty"] > 0
    found = gradients(objective.discriminator)
    assert found.keys() == dict(objective.discriminator.named_parameters()).keys()
    assert all(gradient.isfinite().all() for gradient in found.values())


@pytest.mark.parametrize("loss", list(ADVERSARIAL))
def test_a_turn_trains_its_own_network_only(loss):
    objective = game(loss=loss)
    for turn in objective.turns:
        take(objective, turn)
        other = next(name for name in objective.networks if name != turn.name)
        assert gradients(objective.networks[turn.name])
        assert not gradients(objective.networks[other])


def both_turns(objective, step=0):
    """Take both turns of a step with one stream of noise; return what the generator wrote."""
    written = []
    forward = objective.generator.forward

    def recorded(*arguments):
        written.append(forward(*arguments))
        return written[-1]

    objective.generator.forward = recorded
    noise = seeded_noise(0)
    outcomes = []
    for turn in objective.turns:
        for name, network in objective.networks.items():
            network.requires_grad_(name == turn.name)
        shared = turn.name == "discriminator"
        outcomes.append(turn.compute(batch(), noise, Moment(step, 0.0, shared)))
    return written, outcomes


@pytest.mark.parametrize("loss", list(ADVERSARIAL))
def test_both_turns_of_a_step_read_the_same_sequences(loss):
    objective = game(loss=loss)
    written, outcomes = both_turns(objective)
    assert len(written) == 1
    outcomes[0].losses["discriminator"].backward()
    assert not gradients(objective.generator)
    outcomes[1].losses["generator"].backward()
    assert (
        gradients(objective.generator).keys()
        == dict(objective.generator.named_parameters()).keys()
    )
    # By hand: the generator's loss of these sequences, beside the real ones as they were scored.
    (x_BTF, mask_BT), data = written[0], batch()
    real_B = objective.discriminator(data.x_BTF, data.label_BA, data.mask_BT)
    fake_B = objective.discriminator(x_BTF, data.label_BA, mask_BT)
    expected = ADVERSARIAL[loss].generator(real_B, fake_B)
    assert outcomes[1].losses["generator"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_generator_that_plays_alone_writes_for_itself():
    """As in a phase that trains the generator only, or after the step of another turn."""
    objective = game(loss="relativistic")
    turn, other = objective.turns
    turn.compute(batch(), seeded_noise(0), Moment(0, 0.0, shared=True))
    left = objective._played
    take(objective, other, step=1)
    assert left is not None
    assert gradients(objective.generator)
    assert objective._played is None


def test_nothing_is_recorded_for_a_turn_that_does_not_follow():
    """As in a phase that trains the discriminator only."""
    objective = game(loss="relativistic")
    objective.generator.requires_grad_(False)
    written = []
    forward = objective.generator.forward
    objective.generator.forward = lambda *asked: written.append(forward(*asked)) or written[-1]
    objective.turns[0].compute(batch(), seeded_noise(0), Moment(0, 0.0))
    assert objective._played is None
    assert not written[0][0].requires_grad


def test_a_lazy_penalty_is_scaled_up():
    lazy = game(penalties=(FiniteDifference(every=4),))
    eager = game(penalties=(FiniteDifference(every=1),))
    often, seldom = (take(o, o.turns[0]).losses["penalty"] for o in (eager, lazy))
    assert seldom.item() == pytest.approx(4 * often.item(), rel=1e-5)
    assert "penalty" not in take(lazy, lazy.turns[0], step=1).losses
    assert "penalty" in take(lazy, lazy.turns[0], step=8).losses


@pytest.mark.parametrize("penalty", [FiniteDifference, ExactGradient])
def test_a_penalty_that_falls(penalty):
    objective = game(penalties=(penalty(gamma=Falling(1.0, 0.01), every=1),))
    turn = objective.turns[0]

    def at(progress):
        return turn.compute(batch(), seeded_noise(0), Moment(0, progress)).losses["penalty"].item()

    begun, half, over = at(0.0), at(0.5), at(1.0)
    assert half == pytest.approx(begun / 10, rel=1e-4)
    assert over == pytest.approx(begun / 100, rel=1e-4)


def test_penalties_need_not_change():
    class Fixed:
        every = 1

        def __call__(self, score, x_BTF, logit_B, noise):
            return logit_B.sum() * 0 + 3.0

    objective = game(penalties=(Fixed(), FiniteDifference(gamma=0.0, every=1)))
    assert take(objective, objective.turns[0]).losses["penalty"].item() == 3.0


def test_exact_and_finite_penalties_agree_on_a_recurrent_discriminator():
    objective = game()
    network, data = objective.discriminator, batch()
    x_BTF = data.x_BTF.repeat(500, 1, 1)
    label_BA, mask_BT = data.label_BA.repeat(500, 1), data.mask_BT.repeat(500, 1)

    def score(x):
        return network.score(x, label_BA, mask_BT)

    with torch.no_grad():
        logit_B = score(x_BTF)
        near = FiniteDifference(scale=0.01)(score, x_BTF, logit_B, seeded_noise(0))
    exact = ExactGradient(on="both")(score, x_BTF, logit_B, seeded_noise(0))
    assert near.item() == pytest.approx(exact.item(), rel=0.1)


def test_mismatched_labels_are_always_others():
    objective = game(mismatch=1.0)
    objective.discriminator.classes = (3, 2)
    label_BA = torch.tensor([[a, b] for a in range(3) for b in range(2)] * 500)
    rows = Batch(torch.zeros(3000, 5, 3), full_mask(3000, 5), label_BA)
    other_BA = objective._other_labels(rows, seeded_noise(0))
    assert (other_BA != label_BA).any(1).all()
    assert (other_BA >= 0).all()
    assert (other_BA < torch.tensor([3, 2])).all()
    # Each of the five others comes up about as often.
    of_first = other_BA[(label_BA == 0).all(1)]
    counts = torch.unique(of_first, dim=0, return_counts=True)[1]
    assert len(counts) == 5
    assert counts.min() > 60


@pytest.mark.parametrize("condition", ["projection", "concatenation"])
def test_the_game_of_mismatched_labels_by_hand(condition):
    objective = game(mismatch=0.5)
    torch.manual_seed(3)
    critic = RecurrentDiscriminator(
        features=3, classes=(2,), hidden_size=8, group=0, condition=condition
    )
    objective.discriminator = objective.networks["discriminator"] = critic
    found = take(objective, objective.turns[0]).losses["mismatch"]
    data = batch()
    right_B = critic(data.x_BTF, data.label_BA, data.mask_BT)
    wrong_B = critic(data.x_BTF, 1 - data.label_BA, data.mask_BT)
    expected = 0.5 * torch.nn.functional.softplus(wrong_B - right_B).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert "mismatch" not in take(game(), game().turns[0]).losses


def test_several_discriminator_turns():
    objective = game(discriminator_steps=3)
    assert [(turn.name, turn.repeats) for turn in objective.turns] == [
        ("discriminator", 3),
        ("generator", 1),
    ]
