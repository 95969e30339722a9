"""Training with a guarantee: clipping, noise, sampling, the budget, and what it refuses."""

import math

import numpy as np
import pytest
import torch
from opacus.accountants import create_accountant
from scipy.stats import beta

from seqgan_kit.batch import full_mask
from seqgan_kit.data.loader import SequenceStore
from seqgan_kit.data.poisson import PoissonBatches
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.objectives.objective import Moment, Outcome, Turn
from seqgan_kit.training.budget import PrivacyBudget, epsilon_of, noise_for
from seqgan_kit.training.private import Private

from .test_per_item import APART, made


class Store(SequenceStore):
    """Encoded items that are in memory."""

    def __init__(self, x, label_NA=None):
        self.x, self.device = x, x.device
        self.mask_NT = full_mask(len(x), x.shape[1])
        self.label_NA = torch.zeros(len(x), 1, dtype=torch.long) if label_NA is None else label_NA


class Mean:
    """A model of one number a feature, whose loss is the distance to each item."""

    averaged = "model"

    def __init__(self, features=2):
        self.model = torch.nn.Linear(1, features, bias=False)
        torch.nn.init.zeros_(self.model.weight)
        self.networks = {"model": self.model}
        self.turns = (Turn("model", self.turn),)

    def turn(self, batch, noise, moment):
        place_BF = self.model(torch.ones(len(batch), 1))
        return Outcome({"loss": -(place_BF * batch.x_BTF[:, 0]).sum(1).mean()}, {})


def batches_of(x, batch_size, **changes):
    store = x if isinstance(x, Store) else Store(x)
    return PoissonBatches(store, **({"batch_size": batch_size, "classes": (1,)} | changes))


def budget(sigma=1.0, rate=0.1, steps=100, epsilon=10.0, calls=1, **changes):
    return PrivacyBudget(
        epsilon=epsilon, delta=1e-5, noise_multiplier=sigma, rate=rate, calls=lambda step: calls,
        most_calls=calls, steps=steps, accountant="rdp", **changes,
    )  # fmt: skip


def private(objective, batches, sigma, clip=1.0):
    return Private(objective, batches, budget(), bound=clip, noise_multiplier=sigma)


def gradient(objective, batch, turn=0):
    """The gradient that a turn leaves, as the trainer takes it."""
    name = objective.turns[turn].name
    network = objective.networks[name]
    network.zero_grad()
    outcome = objective.turns[turn].compute(batch, seeded_noise(0), Moment(0, 0.0, shared=True))
    torch.stack(list(outcome.losses.values())).sum().backward()
    return {name: weight.grad for name, weight in network.named_parameters()}, outcome


# -- clip and noise -----------------------------------------------------------------------------


def test_without_noise_it_is_the_mean_of_clipped_gradients():
    x = torch.tensor([[3.0, 4.0], [0.3, -0.4], [0.0, 0.0]])[:, None]
    batches = batches_of(x, 3)
    objective = private(Mean(), batches, sigma=0.0)
    found, outcome = gradient(objective, batches.next())
    # Gradients are -x: the first has norm 5 and is scaled to 1, the second is kept.
    expected = -torch.tensor([[0.6 + 0.3], [0.8 - 0.4]]) / 3
    assert torch.allclose(found["weight"], expected, atol=1e-6)
    assert outcome.losses["loss"].item() == pytest.approx(0.0)


def test_a_large_clip_without_noise_is_plain_training():
    objective, batch = made(APART["lstm"])
    batches = batches_of(Store(batch.x_BTF, batch.label_BA), 3)
    batches.next()
    plain, _ = gradient(objective, batch)
    wrapped = private(objective, batches, sigma=0.0, clip=1e9)
    wrapped._generator = torch.Generator().manual_seed(0)  # The noise of the plain turn.
    noiseless, outcome = gradient(wrapped, batch)
    assert set(outcome.losses) == {"discriminator", "mismatch", "penalty"}
    for name, one in plain.items():
        assert torch.allclose(noiseless[name], one, rtol=1e-3, atol=1e-5), name


def test_noise_has_the_scale_of_the_clip():
    batches = batches_of(torch.zeros(50, 1, 4000), 20)
    objective = private(Mean(4000), batches, sigma=3.0, clip=0.5)
    first, _ = gradient(objective, batches.next())
    again, _ = gradient(objective, batches.next())
    for found in (first, again):
        assert found["weight"].std().item() == pytest.approx(3.0 * 0.5 / 20, rel=0.1)
    assert not torch.equal(first["weight"], again["weight"])


def test_an_empty_batch_is_noise():
    batches = batches_of(torch.ones(400, 1, 2), 1)
    batches.rate = 0.0
    batch = batches.next()
    assert len(batch) == 0
    found, outcome = gradient(private(Mean(), batches, sigma=1.0), batch)
    assert found["weight"].abs().min() > 0
    assert outcome.losses["model"].item() == 0.0


def test_a_unit_touches_one_clipped_gradient():
    """However many items a speaker has, and however large they are."""
    x = torch.tensor([[100.0, 0.0]] * 9 + [[0.0, 0.2]])[:, None]
    batches = batches_of(x, 10, unit_N=np.array([4] * 9 + [7]), unit_items=9)
    assert (batches.units, batches.rate) == (2, 1.0)
    found, _ = gradient(private(Mean(), batches, sigma=0.0), batches.next())
    assert torch.allclose(found["weight"], -torch.tensor([[1.0], [0.2]]) / 2, atol=1e-6)


def test_the_noise_of_a_run_does_not_tell_how_many_were_drawn():
    """The generator draws from it, and its weights are seen."""
    objective, batch = made(APART["lstm"])
    batches = batches_of(Store(batch.x_BTF, batch.label_BA), 3)
    batches.next()
    wrapped, noise = private(objective, batches, sigma=1.0), seeded_noise(0)
    before = noise.generator.get_state()
    wrapped.turns[0].compute(batch, noise, Moment(0, 0.0))
    assert torch.equal(noise.generator.get_state(), before)


def test_the_generator_gets_no_real_labels():
    objective, batch = made(APART["images"])
    store = Store(batch.x_BTF, batch.label_BA)
    batches = PoissonBatches(store, batch_size=3, classes=(3, 2))
    seen = []
    plain = objective.turns[1].compute
    objective.turns = (
        objective.turns[0],
        Turn(
            "generator",
            lambda *args: (seen.append(args[0]), plain(*args))[1],
            shares=True,
            reads=objective.turns[1].reads,
        ),
    )
    wrapped = private(objective, batches, sigma=0.0)
    found, _ = gradient(wrapped, batch, turn=1)
    assert len(seen[0]) == 3
    assert not seen[0].x_BTF.any()
    assert any(one.abs().sum() > 0 for one in found.values())


# -- batches ------------------------------------------------------------------------------------


def test_every_item_is_drawn_on_its_own():
    batches = batches_of(torch.arange(40.0)[:, None, None], 10)
    drawn = [batches.next().x_BTF.flatten().long() for _ in range(600)]
    sizes = np.array([len(one) for one in drawn], float)
    assert sizes.mean() == pytest.approx(10, abs=0.6)
    assert sizes.var() == pytest.approx(40 * 0.25 * 0.75, rel=0.3)
    often = torch.cat(drawn).bincount(minlength=40) / 600
    assert often.min() > 0.15
    assert often.max() < 0.35


def test_nobody_can_draw_the_same_batches_again():
    first, second = (batches_of(torch.arange(400.0)[:, None, None], 100) for _ in range(2))
    assert not torch.equal(first.next().x_BTF[:20], second.next().x_BTF[:20])


def test_blank_batches_have_every_label():
    batches = PoissonBatches(Store(torch.ones(90, 2, 3)), batch_size=60, classes=(3, 2))
    blank = batches.blank(seeded_noise(0))
    assert blank.x_BTF.shape == (60, 2, 3)
    assert len({tuple(row) for row in blank.label_BA.tolist()}) == 6


# -- the budget ---------------------------------------------------------------------------------


@pytest.mark.parametrize("accountant", ["rdp", "prv"])
def test_the_accountant_is_that_of_opacus(accountant):
    theirs = create_accountant(accountant)
    for _ in range(40):
        theirs.step(noise_multiplier=1.1, sample_rate=0.02)
    for _ in range(60):
        theirs.step(noise_multiplier=0.9, sample_rate=0.03)
    history = [(1.1, 0.02, 40), (0.9, 0.03, 60)]
    ours = epsilon_of(history, 1e-5, accountant)
    assert ours == theirs.get_epsilon(delta=1e-5)


def test_the_noise_keeps_to_the_budget():
    sigma = noise_for(3.0, delta=1e-5, rate=0.05, count=500, accountant="rdp")
    assert 2.9 < epsilon_of([(sigma, 0.05, 500)], 1e-5, "rdp") <= 3.0


def test_the_budget_ends():
    said = []
    spending = budget(steps=1000, epsilon=4.0, calls=3, say=said.append)
    step = 0
    while not spending.used_up(step):
        for _ in range(3):
            spending.spend()
        step += 1
    assert spending.figures()["privacy/epsilon"] <= 4.0
    more = [(1.0, 0.1, 3 * step + 3)]
    assert epsilon_of(more, 1e-5, "rdp") > 4.0
    assert spending.used_up(step)
    assert len(said) == 1
    assert "budget is used up" in said[0]


def test_other_noise_counts_what_was_spent_before():
    first = budget(steps=50)
    for _ in range(50):
        first.spend()
    second = budget(sigma=2.0, steps=500, epsilon=first.figures()["privacy/epsilon"])
    second.restore(first.state())
    assert second.history == [(1.0, 0.1, 50)]
    assert second.used_up(50)


# -- a test by chance ---------------------------------------------------------------------------


def with_and_without(sigma, runs, steps):
    """Where trainings end with and without a canary that nothing else resembles."""
    others = torch.zeros(19, 1, 2)
    canary = torch.tensor([[[1.0, 0.0]]])
    found = {}
    for inside in (True, False):
        ends = []
        for _ in range(runs):
            x = torch.cat([others, canary]) if inside else others
            batches = batches_of(x, 10)
            batches.rate, batches.expected = 0.5, 10.0
            objective = private(Mean(), batches, sigma)
            for _ in range(steps):
                got, _ = gradient(objective, batches.next())
                with torch.no_grad():
                    objective.networks["model"].weight -= got["weight"]
            ends.append(objective.networks["model"].weight[0, 0].item())
        found[inside] = np.array(ends)
    return found[True], found[False]


def empirical_epsilon(inside, outside, delta, confidence=0.99):
    """A lower bound of epsilon, by the best threshold on the first half, counted on the second.

    Bounds of both error rates: Clopper & Pearson; from them to epsilon: Jagielski et al. 2020.
    """
    half = len(inside) // 2
    edges = np.quantile(np.concatenate([inside[:half], outside[:half]]), np.linspace(0, 1, 41))
    count = len(inside) - half

    def bound(edge, yes, no):
        false = beta.ppf(confidence, (no > edge).sum() + 1, max(count - (no > edge).sum(), 1e-9))
        true = beta.ppf(1 - confidence, max((yes > edge).sum(), 1e-9), (yes <= edge).sum() + 1)
        return math.log(max(true - delta, 1e-9) / false)

    best = max(edges, key=lambda edge: bound(edge, inside[:half], outside[:half]))
    return bound(best, inside[half:], outside[half:])


def test_a_canary_is_hidden_by_noise_and_by_nothing_else():
    sigma, steps, delta = 2.0, 5, 1e-2
    claimed = epsilon_of([(sigma, 0.5, steps)], delta, "rdp")
    assert 0.5 < claimed < 2.5
    hidden = empirical_epsilon(*with_and_without(sigma, 240, steps), delta)
    assert hidden < claimed
    shown = empirical_epsilon(*with_and_without(1e-6, 200, steps), delta)
    assert shown > claimed
