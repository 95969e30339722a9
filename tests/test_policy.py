"""The policy gradient: rewards, returns, the baseline, and whether it learns."""

import pytest
import torch

from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.objectives.objective import Moment
from seqgan_kit.objectives.policy import MovingAverage, PolicyGradient, discounted

from .test_categorical import LABELS, STEPS, VOCABULARY, discriminator, generator


def game(logits="step", **changes):
    baseline = MovingAverage(STEPS, 0.9)
    return PolicyGradient(generator(), discriminator(logits=logits), baseline=baseline, **changes)


def real():
    ids = torch.randint(2, VOCABULARY, (4, STEPS), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(STEPS) < torch.tensor([6, 2, 3, 5])[:, None]
    return Batch(ids, mask, LABELS)


def test_returns_by_hand():
    reward = torch.tensor([[1.0, 2.0, 4.0]])
    assert discounted(reward, 1.0).tolist() == [[7.0, 6.0, 4.0]]
    assert discounted(reward, 0.5).tolist() == [[3.0, 4.0, 4.0]]
    assert discounted(reward, 0.0).tolist() == [[1.0, 2.0, 4.0]]


def test_the_moving_average_by_hand():
    average = MovingAverage(3, decay=0.75)
    value = torch.tensor([[4.0, 8.0, 9.0], [0.0, 9.0, 9.0]])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    average.update(value, mask)
    assert average.mean_T.tolist() == [0.5, 2.0, 0.0]
    average.update(value, mask)
    assert average.mean_T.tolist() == [0.875, 3.5, 0.0]


@pytest.mark.parametrize("logits", ["step", "sequence", "both"])
def test_rewards_are_the_discriminators_odds(logits):
    play = game(logits)
    batch = real()
    reward = play._rewards(batch, seeded_noise(0))
    logit = play.discriminator(batch.x_BTF, batch.label_BA, batch.mask_BT)
    expected = 2 * logit.sigmoid() - 1
    if logits != "sequence":
        torch.testing.assert_close(reward[batch.mask_BT], expected[batch.mask_BT])
    else:
        last = batch.mask_BT.sum(1) - 1
        torch.testing.assert_close(reward[torch.arange(4), last], expected)
        assert (reward != 0).sum() == 4


def test_roll_outs_reward_a_step_by_what_becomes_of_it():
    play = game("sequence", rollouts=3)
    batch = real()
    with torch.no_grad():
        reward = play._rewards(batch, seeded_noise(0))
    value = discounted(reward * batch.mask_BT, 1.0)
    logit = play.discriminator(batch.x_BTF, batch.label_BA, batch.mask_BT)
    last = batch.mask_BT.sum(1) - 1
    # The last step has nothing left to be drawn.
    torch.testing.assert_close(value[0, last[0]], 2 * logit[0].sigmoid() - 1)
    assert ((value.abs() <= 1) | ~batch.mask_BT).all()
    assert value[:, 0].unique().numel() == 4


def test_the_loss_is_that_of_reinforce():
    play = game(discount=0.5)
    batch = real()
    outcome = play.turns[1].compute(batch, seeded_noise(3), Moment(0, 0.0))
    with torch.no_grad():
        latent = play.generator.draw(4, seeded_noise(3), STEPS)
        ids, mask = play.generator(latent, LABELS)
        written = Batch(ids, mask, LABELS)
        reward = (2 * play.discriminator(ids, LABELS, mask).sigmoid() - 1) * mask
        expected = -(play.generator.log_prob(written) * discounted(reward, 0.5)).sum(1).mean()
    torch.testing.assert_close(outcome.losses["generator"].detach(), expected)
    assert {"return", "entropy", "length"} <= set(outcome.figures)


@pytest.mark.parametrize("logits", ["step", "sequence"])
def test_turns_train_their_network(logits):
    play = game(logits, mismatch=0.5, likelihood=0.1)
    for turn in play.turns:
        trained = play.networks[turn.name]
        trained.zero_grad()
        losses = turn.compute(real(), seeded_noise(0), Moment(0, 0.0)).losses
        torch.stack(list(losses.values())).sum().backward()
        assert not [n for n, p in trained.named_parameters() if p.grad is None]
    assert "baseline" in play.networks


@pytest.mark.parametrize("logits", ["step", "sequence"])
def test_a_tiny_policy_learns_which_token_belongs_to_a_label(logits):
    """Two classes, each with sequences of one token of its own: both must be written."""
    torch.manual_seed(0)
    network = generator(end=None, hidden_size=8, classes=(2,), steps=4)
    critic = discriminator(classes=(2,), logits=logits, group=0)
    play = PolicyGradient(network, critic, baseline=MovingAverage(4, 0.9), discount=0.5)
    optimizers = {
        name: torch.optim.Adam(play.networks[name].parameters(), lr=2e-2, betas=(0.5, 0.99))
        for name in ("generator", "discriminator")
    }
    label_BA = torch.tensor([[0], [1]] * 16)
    truth = 2 + 3 * label_BA.expand(-1, 4)
    batch, noise = Batch(truth, full_mask(32, 4), label_BA), seeded_noise(0)

    def right():
        with torch.no_grad():
            ids, _ = network(network.draw(32, seeded_noise(9)), label_BA)
        return (ids == truth).float().mean().item()

    before = right()
    for step in range(250):
        for turn in play.turns:
            for name, module in play.networks.items():
                module.requires_grad_(name == turn.name)
            loss = torch.stack(list(turn.compute(batch, noise, Moment(step, 0.0)).losses.values()))
            optimizers[turn.name].zero_grad()
            loss.sum().backward()
            optimizers[turn.name].step()
    assert before < 0.4
    assert right() > 0.8
