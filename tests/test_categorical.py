"""Tokens: exact and relaxed samples, their end, embeddings, and generators that write them."""

import math

import pytest
import torch

from seqgan_kit.batch import Batch
from seqgan_kit.models.readers import RecurrentDiscriminator
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.categorical import CategoricalHead, TokenEmbedding
from seqgan_kit.nn.noise import Noise, seeded_noise
from seqgan_kit.nn.relaxation import (
    Decoding,
    StraightThrough,
    TemperatureSchedule,
    draw_exactly,
    gumbel_softmax,
    joined,
    straight_through,
)
from seqgan_kit.objectives.gan import GAN
from seqgan_kit.objectives.objective import Moment
from seqgan_kit.objectives.penalties import FiniteDifference

VOCABULARY, STEPS, END = 7, 6, 1
LABELS = torch.tensor([[0, 0], [1, 1], [2, 0], [0, 1]])


def generator(*, end=END, **changes):
    torch.manual_seed(1)
    head = {
        name: changes.pop(name)
        for name in ("tied", "straight_through", "schedule")
        if name in changes
    }
    settings = dict(
        classes=(3, 2), steps=STEPS, hidden_size=8, input_size=6, noise_size=0,
        step_noise_size=0, label_size=6, feedback=True,
    ) | changes  # fmt: skip
    return RecurrentGenerator(
        head=CategoricalHead(8, VOCABULARY, embedding_size=5, end=end, **head), **settings
    )


def discriminator(**changes):
    torch.manual_seed(2)
    tokens = TokenEmbedding(vocabulary=VOCABULARY, size=5, unit_norm=True)
    settings = dict(features=5, classes=(3, 2), hidden_size=8, group=2, view=tokens)
    return RecurrentDiscriminator(**(settings | changes))


def dense(x):
    """Samples with gradients as the one-hot vectors that they mean."""
    return x.look_up(torch.eye(VOCABULARY)) if isinstance(x, StraightThrough) else x


GENERATORS = [
    pytest.param(changes, id="-".join(f"{k}={v}" for k, v in changes.items()) or "plain")
    for changes in (
        {}, {"cell": "gru"}, {"layers": 2}, {"tied": True}, {"straight_through": False},
        {"end": None}, {"noise_size": 4, "step_noise_size": 3},
    )
]  # fmt: skip


# -- schedules and relaxation -------------------------------------------------------------------


def test_schedules_by_their_formulas():
    linear = TemperatureSchedule("linear", 2.0, 1.0)
    assert [linear.temperature(p) for p in (0.0, 0.25, 1.0)] == [2.0, 1.75, 1.0]
    exponential = TemperatureSchedule("exponential", 4.0, 1.0)
    assert [exponential.temperature(p) for p in (0.0, 0.5, 1.0)] == [4.0, 2.0, 1.0]
    inverse = TemperatureSchedule("exponential", 1.0, 100.0, inverse=True)
    assert [inverse.temperature(p) for p in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.1, 0.01])
    assert TemperatureSchedule(start=0.3, end=9.0).temperature(0.7) == 0.3


def test_a_relaxed_sample_by_hand():
    logits, gumbel = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.0]])
    relaxed = gumbel_softmax(logits, gumbel, temperature=0.5)
    other = 1 / (1 + math.exp(-1.0))
    torch.testing.assert_close(relaxed, torch.tensor([[1 - other, other]]))


def test_straight_through_is_one_hot_with_the_relaxed_gradient():
    gumbel = torch.randn(5, 2, VOCABULARY)
    weight = torch.randn(5, 2, VOCABULARY)
    vectors = torch.randn(VOCABULARY, 3, requires_grad=True)
    gradients = []
    for hard in (False, True):
        logits = torch.linspace(-1, 1, VOCABULARY).repeat(5, 2, 1).requires_grad_()
        if hard:
            sample = straight_through(logits, gumbel, temperature=0.7, entry=4)
            one_hot, share = dense(sample), sample.entry_BT
            assert torch.equal(one_hot.sum(-1), torch.ones(5, 2))
            assert torch.equal(one_hot.argmax(-1), (logits + gumbel).argmax(-1))
            assert set(one_hot.unique().tolist()) == {0.0, 1.0}
            torch.testing.assert_close(share, one_hot[..., 4])
            torch.testing.assert_close(sample.look_up(vectors), one_hot @ vectors)
        else:
            one_hot = gumbel_softmax(logits, gumbel, temperature=0.7)
            share = one_hot[..., 4]
        worth = (one_hot * weight).sum() + 3 * share.sum()
        gradients += torch.autograd.grad(worth, logits)
    torch.testing.assert_close(*gradients)


def test_vectors_that_are_looked_up_learn_as_those_of_a_product_do():
    gumbel, worth = torch.randn(4, 3, VOCABULARY), torch.randn(4, 3, 5)
    sample = straight_through(torch.zeros_like(gumbel), gumbel, temperature=1.0)
    vectors = torch.randn(VOCABULARY, 5, requires_grad=True)
    found = [
        torch.autograd.grad((looked * worth).sum(), vectors)[0]
        for looked in (sample.look_up(vectors), dense(sample) @ vectors)
    ]
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("how", ["inverse", "gumbel"])
def test_samples_follow_the_distribution(how):
    count = 40_000
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0]).expand(count, 4)
    if how == "inverse":
        ids = draw_exactly(logits, seeded_noise(0).normal(count, 1))
    else:
        gumbel = seeded_noise(0).gumbel(count, 4)
        ids = straight_through(logits[None], gumbel[None], temperature=1.0).id_BT[0]
    share = ids.bincount(minlength=4) / count
    torch.testing.assert_close(share, logits[0].softmax(0), atol=0.01, rtol=0)


def test_gumbel_numbers_are_gumbels_and_shared_by_processes():
    joined = seeded_noise(4).gumbel(6, 50_000)
    assert joined.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert joined.var().item() == pytest.approx(math.pi**2 / 6, abs=0.02)
    parts = [
        Noise(torch.Generator().manual_seed(4), rank, 3).gumbel(2, 50_000) for rank in range(3)
    ]
    assert torch.equal(torch.cat(parts), joined)
    assert not torch.equal(seeded_noise(5).gumbel(6, 50_000), joined)


def test_decoding_restricts_what_is_drawn():
    logits = torch.tensor([[3.0, 2.0, 1.0, 0.0]])
    assert Decoding(temperature=0.0).restrict(logits).isfinite().tolist() == [[True, *[False] * 3]]
    assert Decoding(top_k=2).restrict(logits).isfinite().sum() == 2
    assert torch.equal(Decoding(temperature=2.0).restrict(logits), logits / 2)
    p = logits.softmax(-1)[0]
    for share, kept in ((0.01, 1), (float(p[0]) + 0.01, 2), (1.0, 4)):
        assert Decoding(top_p=share).restrict(logits).isfinite().sum() == kept
    # The order of the tokens does not matter.
    turned = Decoding(top_p=0.9).restrict(logits.flip(-1)).flip(-1)
    assert torch.equal(turned, Decoding(top_p=0.9).restrict(logits))


def test_an_entry_without_a_chance_is_never_drawn():
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf]]).expand(6, 3)
    normal = torch.tensor([[-40.0], [-6.0], [0.0], [4.0], [6.0], [40.0]])
    assert draw_exactly(logits, normal).unique().tolist() == [1]


# -- embeddings and the end of a sequence -------------------------------------------------------


@pytest.mark.parametrize("unit_norm", [True, False])
def test_one_embedding_for_ids_and_distributions(unit_norm):
    tokens = TokenEmbedding(vocabulary=VOCABULARY, size=5, unit_norm=unit_norm)
    ids = torch.tensor([[0, 3], [6, 2]])
    one_hot = torch.nn.functional.one_hot(ids, VOCABULARY).float()
    torch.testing.assert_close(tokens(ids), tokens(one_hot))
    if unit_norm:
        torch.testing.assert_close(tokens(ids).norm(dim=-1), torch.ones(2, 2))


def test_nothing_after_the_end_exists():
    head = CategoricalHead(8, VOCABULARY, end=END)
    ids = torch.tensor([[3, END, 4, END], [2, 2, 2, 2]])
    x, mask = head.close(ids)
    assert torch.equal(x, ids)
    assert mask.tolist() == [[True, True, False, False], [True] * 4]
    one_hot = torch.nn.functional.one_hot(ids, VOCABULARY).float()
    closed, mask_too = head.close(one_hot)
    assert torch.equal(mask_too, mask)
    assert closed[0, 2:].abs().sum() == 0
    assert torch.equal(closed[mask], one_hot[mask])


@pytest.mark.parametrize("hard", [True, False])
def test_the_length_gets_a_gradient(hard):
    """A step before the end learns what it would mean to end there."""
    head = CategoricalHead(8, VOCABULARY, end=END)
    ids = torch.tensor([[3, 4, END, 2]])
    x = torch.nn.functional.one_hot(ids, VOCABULARY).float().requires_grad_()
    closed, mask = head.close(StraightThrough(ids, (x,), x[..., END]) if hard else x)
    worth = torch.randn(1, 4, VOCABULARY) * mask[..., None]
    (gradient,) = torch.autograd.grad((dense(closed) * worth).sum(), x)
    lost = (dense(closed) * worth).sum(-1)[0].detach()
    assert gradient[0, 0, END] - worth[0, 0, END] == pytest.approx(-(lost[1] + lost[2]).item())
    assert gradient[0, 3].abs().sum() == 0


# -- generators ---------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", GENERATORS)
class TestGenerator:
    def test_every_parameter_gets_a_gradient(self, changes):
        network = generator(**changes)
        written, mask = network(network.draw(4, seeded_noise(0)), LABELS)
        x = dense(written)
        (x * mask[..., None] * torch.randn(x.shape)).sum().backward()
        assert not [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 0]

    def test_the_unroll_is_the_plain_loop(self, changes):
        network = generator(**changes)
        latent = network.draw(4, seeded_noise(0))
        x, mask = network(latent, LABELS)
        state, input_BTI = network.begin(latent, LABELS)
        before, steps = None, []
        for t in range(STEPS):
            state, step = network.step(state, input_BTI[:, t], before, latent.head_BTN[:, t])
            before = network.head.embed(step)[:, 0]
            steps.append(step)
        looped, looped_mask = network.head.close(joined(steps))
        torch.testing.assert_close(dense(x), dense(looped))
        assert torch.equal(mask, looped_mask)

    def test_exact_samples_are_ids(self, changes):
        network = generator(**changes).eval()
        latent = network.draw(4, seeded_noise(0))
        assert latent.head_BTN.shape == (4, STEPS, 1)
        x, _ = network(latent, LABELS)
        assert x.dtype == torch.int64
        assert torch.equal(network(latent, LABELS)[0], x)
        other, _ = network(network.draw(4, seeded_noise(1)), LABELS)
        assert not torch.equal(other, x)

    def test_no_gradient_from_the_future(self, changes):
        network = generator(**changes)
        latent = network.draw(4, seeded_noise(0))
        noise = latent.head_BTN.requires_grad_()
        x = dense(network(latent._replace(head_BTN=noise), LABELS)[0])
        (gradient,) = torch.autograd.grad((x[:, 2] * torch.randn(x[:, 2].shape)).sum(), noise)
        assert gradient[:, :3].abs().sum() > 0
        assert gradient[:, 3:].abs().sum() == 0

    def test_likelihoods_add_up_to_one(self, changes):
        """Over all sequences of two tokens."""
        if changes.get("noise_size"):
            assert generator(**changes).likelihood == "none"
            return
        network = generator(**(changes | {"end": None}))
        assert network.likelihood == "exact"
        pairs = torch.cartesian_prod(torch.arange(VOCABULARY), torch.arange(VOCABULARY))
        label_BA = LABELS[:1].expand(len(pairs), -1)
        batch = Batch(pairs, torch.ones_like(pairs, dtype=torch.bool), label_BA)
        assert network.log_prob(batch).sum(1).exp().sum().item() == pytest.approx(1, abs=1e-4)

    def test_padding_has_no_likelihood(self, changes):
        network = generator(**changes)
        mask = torch.arange(4) < torch.tensor([4, 1, 2, 3])[:, None]
        ids = torch.randint(VOCABULARY, (4, 4), generator=torch.Generator().manual_seed(0))
        found = network.log_prob(Batch(ids, mask, LABELS))
        assert (found[~mask] == 0).all()
        other = network.log_prob(Batch(torch.where(mask, ids, 5), mask, LABELS))
        torch.testing.assert_close(found, other)


def test_samples_have_the_likelihood_that_is_claimed():
    """Of many samples the mean log-likelihood is minus the entropy: here by counting."""
    network = generator(end=None).eval()
    label_BA = LABELS[:1].expand(20_000, -1)
    latent = network.draw(20_000, seeded_noise(0), steps=2)
    ids, _ = network(latent, label_BA)
    pairs, counts = ids.unique(dim=0, return_counts=True)
    batch = Batch(pairs, torch.ones_like(pairs, dtype=torch.bool), label_BA[: len(pairs)])
    expected = network.log_prob(batch).sum(1).exp() * len(ids)
    often = expected > 100
    assert often.sum() > 10
    torch.testing.assert_close(counts[often].float(), expected[often], rtol=0.35, atol=0)


def test_a_temperature_divides_the_logits():
    network = generator()
    ids = torch.randint(VOCABULARY, (4, STEPS), generator=torch.Generator().manual_seed(0))
    batch = Batch(ids, torch.ones_like(ids, dtype=torch.bool), LABELS)
    before = network.log_prob(batch, temperature=0.5)
    with torch.no_grad():
        network.head.project.weight *= 2
        network.head.project.bias *= 2
    torch.testing.assert_close(network.log_prob(batch), before)


def test_a_beginning_is_gone_on_with():
    network = generator(end=None).eval()
    latent = network.draw(4, seeded_noise(0))
    whole, _ = network.write(latent, LABELS)
    again, _ = network.write(latent, LABELS, prefix=whole[:, :3])
    assert torch.equal(again, whole)
    other, _ = network.write(latent, LABELS, prefix=torch.full((4, 3), 2))
    assert (other[:, :3] == 2).all()


def test_dropout_only_where_noise_is_given():
    network = generator(dropout=0.5)
    ids = torch.zeros(4, STEPS, dtype=torch.int64)
    batch = Batch(ids, torch.ones_like(ids, dtype=torch.bool), LABELS)
    assert torch.equal(network.log_prob(batch), network.log_prob(batch))
    first = network.log_prob(batch, regularize=seeded_noise(0))
    assert torch.equal(first, network.log_prob(batch, regularize=seeded_noise(0)))
    assert not torch.equal(first, network.log_prob(batch))


# -- the game -----------------------------------------------------------------------------------


@pytest.mark.parametrize("logits", ["sequence", "step"])
@pytest.mark.parametrize("straight_through", [True, False])
@pytest.mark.parametrize(
    "loss",
    ["minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"],
)
def test_every_loss_plays_with_tokens(loss, straight_through, logits):
    network = generator(straight_through=straight_through)
    critic = discriminator(logits=logits)
    game = GAN(
        network, critic, loss=loss, penalties=(FiniteDifference(every=1),), mismatch=0.2,
        likelihood=0.1,
    )  # fmt: skip
    ids = torch.randint(2, VOCABULARY, (4, STEPS), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(STEPS) < torch.tensor([6, 2, 3, 5])[:, None]
    batch, noise = Batch(ids, mask, LABELS), seeded_noise(0)
    for turn in game.turns:
        outcome = turn.compute(batch, noise, Moment(0, 0.0))
        trained = game.networks[turn.name]
        trained.zero_grad()
        torch.stack(list(outcome.losses.values())).sum().backward()
        assert all(value.isfinite() for value in outcome.losses.values())
        assert not [n for n, p in trained.named_parameters() if p.grad is None]
    assert set(outcome.losses) == {"generator", "likelihood"}
    nats = -network.log_prob(batch).sum(1).mean()
    torch.testing.assert_close(outcome.losses["likelihood"], 0.1 * nats)


def test_the_discriminators_turn_sees_exact_samples_and_the_generators_relaxed_ones():
    network = generator()
    assert network.draw(2, seeded_noise(0)).head_BTN.shape[-1] == VOCABULARY
    with torch.no_grad():
        assert network.draw(2, seeded_noise(0)).head_BTN.shape[-1] == 1
        soft = generator(straight_through=False)
        assert soft.draw(2, seeded_noise(0)).head_BTN.shape[-1] == VOCABULARY


def test_the_relaxation_follows_its_schedule():
    network = generator(schedule=TemperatureSchedule("linear", 2.0, 1.0))
    network.anneal(0.5)
    assert network.head.temperature == 1.5
