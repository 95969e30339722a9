"""Steps of several tokens: the head, the embedding, and the networks around them."""

import pytest
import torch

from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.models.readers import RecurrentDiscriminator
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.grouped import GroupedCategoricalHead, GroupedEmbedding
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.objectives.gan import GAN
from seqgan_kit.objectives.objective import Moment
from seqgan_kit.objectives.penalties import FiniteDifference

STEPS, GROUP, TOKENS, HIDDEN = 5, 3, 4, 8
LABELS = torch.tensor([[0], [1], [0], [1]])


def head():
    torch.manual_seed(0)
    return GroupedCategoricalHead(HIDDEN, TOKENS, group=GROUP, embedding_size=2)


def generator(**settings):
    torch.manual_seed(1)
    return RecurrentGenerator(
        head=head(), classes=(2,), steps=STEPS, hidden_size=HIDDEN, input_size=7, noise_size=4,
        step_noise_size=0, label_size=6, feedback=True, **settings,
    )  # fmt: skip


def discriminator():
    torch.manual_seed(2)
    tokens = GroupedEmbedding(group=GROUP, vocabulary=TOKENS, size=6, unit_norm=True)
    return RecurrentDiscriminator(
        features=6 * GROUP, classes=(2,), hidden_size=HIDDEN, group=2, view=tokens
    )


def test_ids_and_sure_distributions_have_the_same_vectors():
    for unit_norm in (False, True):
        embed = GroupedEmbedding(group=GROUP, vocabulary=TOKENS, size=2, unit_norm=unit_norm)
        ids = torch.randint(TOKENS, (2, STEPS, GROUP))
        sure = torch.nn.functional.one_hot(ids, TOKENS).float().flatten(-2)
        assert embed(ids).shape == (2, STEPS, GROUP * 2)
        torch.testing.assert_close(embed(ids), embed(sure))


def test_exact_samples_have_the_probabilities_of_the_logits():
    layer = head().eval()
    h = torch.randn(1, 1, HIDDEN).expand(1, 40_000, HIDDEN)
    with torch.no_grad():
        noise = layer.draw(1, 40_000, seeded_noise(0))
        assert noise.shape == (1, 40_000, GROUP)
        ids = layer(h, noise)[0]
        p_GV = layer.logits(h[:, :1]).softmax(-1)[0, 0]
    for place in range(GROUP):
        found_V = torch.bincount(ids[:, place], minlength=TOKENS) / 40_000
        torch.testing.assert_close(found_V, p_GV[place], atol=0.01, rtol=0)
    # Of one step they are independent.
    both = ((ids[:, 0] == 0) & (ids[:, 1] == 0)).float().mean()
    assert both == pytest.approx(float(p_GV[0, 0] * p_GV[1, 0]), abs=0.01)


def test_the_log_probability_is_that_of_all_tokens_together():
    layer = head()
    h, ids = torch.randn(2, STEPS, HIDDEN), torch.randint(TOKENS, (2, STEPS, GROUP))
    nats = layer.log_prob(h, ids)
    by_hand = layer.logits(h).log_softmax(-1)[1, 2].gather(-1, ids[1, 2][:, None]).sum()
    torch.testing.assert_close(nats[1, 2], by_hand)
    # All steps that there could be have a probability of 1 together.
    every = torch.cartesian_prod(*[torch.arange(TOKENS)] * GROUP)[None]
    same = h[:1, :1].expand(1, len(every[0]), HIDDEN)
    assert layer.log_prob(same, every).exp().sum().item() == pytest.approx(1.0, abs=1e-5)


def test_samples_with_gradients_are_one_hot_and_every_parameter_gets_a_gradient():
    network = generator()
    written, mask_BT = network(network.draw(4, seeded_noise(0)), LABELS)
    assert written.id_BT.shape == (4, STEPS, GROUP)
    assert mask_BT.all()
    x = written.look_up(torch.eye(TOKENS))
    assert (x.sum(-1) == 1).all()
    assert (x.amax(-1) == 1).all()
    (x * torch.randn(x.shape)).sum().backward()
    assert not [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 0]


def test_samples_are_ids_and_the_same_for_the_same_seed():
    network = generator().eval()
    with torch.no_grad():
        first, again = (network(network.draw(4, seeded_noise(3)), LABELS)[0] for _ in range(2))
    assert first.shape == (4, STEPS, GROUP)
    assert not first.is_floating_point()
    assert torch.equal(first, again)


def test_a_turn_of_each_network_gives_it_a_gradient():
    objective = GAN(
        generator(), discriminator(), loss="relativistic",
        penalties=(FiniteDifference(gamma=1.0),), mismatch=0.2,
    )  # fmt: skip
    ids = torch.randint(TOKENS, (4, STEPS, GROUP))
    batch = Batch(ids, full_mask(4, STEPS), LABELS)
    for turn in objective.turns:
        for name, network in objective.networks.items():
            network.requires_grad_(name == turn.name)
        loss = sum(turn.compute(batch, seeded_noise(0), Moment(0, 0.0)).losses.values())
        loss.backward()
        network = objective.networks[turn.name]
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_a_group_of_one_is_refused():
    with pytest.raises(ValueError, match="group is 1; for one token per step use CategoricalHead"):
        GroupedCategoricalHead(HIDDEN, TOKENS, group=1)
