"""Losses and penalties against values worked out by hand."""

import math

import pytest
import torch

from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.objectives.adversarial import ADVERSARIAL, sequence_logit
from seqgan_kit.objectives.penalties import ExactGradient, FiniteDifference, GradientPenalty

LN3 = math.log(3)
REAL, FAKE = torch.tensor([LN3, 0.0]), torch.tensor([-LN3, LN3])
# softplus(ln 3) = ln 4, softplus(-ln 3) = ln 4/3, softplus(0) = ln 2.
LN4, LN43, LN2 = math.log(4), math.log(4 / 3), math.log(2)


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        ("minimax", ((LN43 + LN43) + (LN2 + LN4)) / 2, -(LN43 + LN4) / 2),
        ("non-saturating", ((LN43 + LN43) + (LN2 + LN4)) / 2, (LN4 + LN43) / 2),
        (
            "least-squares",
            (((LN3 - 1) ** 2 + LN3**2) + (1 + LN3**2)) / 4,
            ((LN3 + 1) ** 2 + (LN3 - 1) ** 2) / 4,
        ),
        ("hinge", ((0 + 0) + (1 + 1 + LN3)) / 2, 0.0),
        ("wasserstein", (-2 * LN3 + LN3) / 2, 0.0),
        (
            "relativistic",
            (math.log(1 + 1 / 9) + LN4) / 2,
            (math.log(1 + 9) + LN43) / 2,
        ),
    ],
)
def test_losses_by_hand(name, discriminator, generator):
    loss = ADVERSARIAL[name]
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(discriminator, abs=1e-6)
    assert loss.generator(REAL, FAKE).item() == pytest.approx(generator, abs=1e-6)


@pytest.mark.parametrize("name", list(ADVERSARIAL))
def test_the_sides_pull_the_right_way(name):
    real, fake = (torch.tensor([0.4, 0.2], requires_grad=True) for _ in range(2))
    ADVERSARIAL[name].discriminator(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    moved = fake.detach().clone().requires_grad_()
    ADVERSARIAL[name].generator(real.detach(), moved).backward()
    assert (moved.grad < 0).all()


def test_step_logits_are_averaged_over_what_exists():
    logit_BT = torch.tensor([[1.0, 3.0, 100.0], [5.0, -1.0, 2.0]])
    mask_BT = torch.tensor([[1, 1, 0], [1, 1, 1]]).bool()
    assert sequence_logit(logit_BT, mask_BT).tolist() == [2.0, 2.0]


# D(x) = <w, x> on each half has the gradient w everywhere: |w|^2 = 4 * (1 + 4) = 20.
SLOPE_TF = torch.tensor([1.0, 2.0]).repeat(4, 1)


def linear(x_BTF):
    return (x_BTF * SLOPE_TF).sum((1, 2))


@pytest.mark.parametrize(("on", "expected"), [("both", 40), ("real", 20), ("generated", 20)])
def test_exact_gradient_of_a_linear_score(on, expected):
    x_BTF = torch.randn(6, 4, 2)
    penalty = ExactGradient(gamma=2.0, on=on)
    value = penalty(linear, x_BTF, linear(x_BTF), seeded_noise(0))
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("on", "expected"), [("both", 40), ("real", 20), ("generated", 20)])
def test_finite_difference_agrees_in_the_mean(on, expected):
    x_BTF = torch.randn(20000, 4, 2)
    penalty = FiniteDifference(gamma=2.0, on=on)
    value = penalty(linear, x_BTF, linear(x_BTF), seeded_noise(0))
    # <w, n>^2 has the mean |w|^2 and the standard deviation sqrt(2) |w|^2: 1.4 % of 10,000 each.
    assert value.item() == pytest.approx(expected, rel=0.05)


def test_finite_difference_agrees_with_the_gradient_of_a_curved_score():
    torch.manual_seed(0)
    weight = torch.randn(8)

    def score(x_BTF):
        return torch.tanh(x_BTF.flatten(1) @ weight / 4)

    x_BTF = torch.randn(40000, 4, 2)
    exact = ExactGradient(gamma=1.0, on="both")(score, x_BTF, score(x_BTF), seeded_noise(0))
    near = FiniteDifference(gamma=1.0)(score, x_BTF, score(x_BTF), seeded_noise(0))
    assert near.item() == pytest.approx(exact.item(), rel=0.05)


def test_gradient_penalty_of_a_linear_score():
    x_BTF = torch.randn(6, 4, 2)
    value = GradientPenalty(weight=10.0)(linear, x_BTF, linear(x_BTF), seeded_noise(0))
    assert value.item() == pytest.approx(10 * (math.sqrt(20) - 1) ** 2, rel=1e-5)


def test_gradient_penalty_looks_between_the_halves():
    """A score with slope 1 for x below 0 and 3 above: real at -9, generated at 9."""

    def score(x_BTF):
        x_B = x_BTF[:, 0, 0]
        return torch.where(x_B < 0, x_B, 3 * x_B)

    x_BTF = torch.cat([torch.full((4000, 1, 1), -9.0), torch.full((4000, 1, 1), 9.0)])
    value = GradientPenalty(weight=1.0)(score, x_BTF, score(x_BTF), seeded_noise(0))
    assert value.item() == pytest.approx((0 + 4) / 2, rel=0.05)


@pytest.mark.parametrize("penalty", [FiniteDifference(), ExactGradient(), GradientPenalty()])
def test_penalties_train_the_score(penalty):
    weight = torch.ones(2, requires_grad=True)

    def score(x_BTF):
        return (x_BTF.sum(1) * weight).sum(1).square()

    x_BTF = torch.randn(4, 3, 2)
    penalty(score, x_BTF, score(x_BTF), seeded_noise(0)).backward()
    assert weight.grad.abs().sum() > 0


def test_penalties_stay_in_float32_under_autocast():
    layer = torch.nn.Linear(2, 1)
    seen = []

    def score(x_BTF):
        logit = layer(x_BTF).sum((1, 2))
        seen.append(logit.dtype)
        return logit

    x_BTF = torch.randn(4, 3, 2)
    with torch.autocast("cpu", torch.bfloat16):
        logit_B = score(x_BTF)
        FiniteDifference()(score, x_BTF, logit_B, seeded_noise(0))
        ExactGradient()(score, x_BTF, logit_B, seeded_noise(0))
        GradientPenalty()(score, x_BTF, logit_B, seeded_noise(0))
    assert seen[0] == torch.bfloat16
    assert set(seen[1:]) == {torch.float32}
