"""Likelihoods: heads that are distributions, teacher forcing, bounds."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.evaluation.likelihood import chosen_items, likelihood_figures
from seqgan_kit.models.image_gan import ConvolutionalGenerator, DenseGenerator
from seqgan_kit.models.readers import RecurrentEncoder
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.models.vae import ConvolutionalEncoder, VariationalAutoencoder
from seqgan_kit.nn.gaussian import kl_to_prior
from seqgan_kit.nn.heads import BernoulliHead, ContinuousHead, LogisticHead
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.objectives.elbo import ELBO
from seqgan_kit.objectives.likelihood import Likelihood
from seqgan_kit.objectives.objective import Moment

HIDDEN = 4


def head(kind, features=1, **settings):
    torch.manual_seed(0)
    return kind(HIDDEN, features, **settings)


def hidden(count=1, steps=1, scale=1.0):
    return torch.randn(count, steps, HIDDEN, generator=torch.Generator().manual_seed(3)) * scale


# -- heads --------------------------------------------------------------------------------------


def test_bernoulli_by_hand():
    network = head(BernoulliHead, 2)
    with torch.no_grad():
        network.project.weight.zero_()
        network.project.bias.copy_(torch.tensor([0.0, math.log(3)]))
    x_BTF = torch.tensor([[[1.0, -1.0]], [[-1.0, 1.0]], [[0.0, 0.0]]])
    expected = [
        math.log(0.5) + math.log(0.25),
        math.log(0.5) + math.log(0.75),
        # Grey: the cross-entropy with one half.
        math.log(0.5) + 0.5 * (math.log(0.25) + math.log(0.75)),
    ]
    got = network.log_prob(torch.zeros(3, 1, HIDDEN), x_BTF)[:, 0].tolist()
    assert got == pytest.approx(expected, abs=1e-6)


def test_bernoulli_draws_follow_the_chance_and_pass_its_gradient():
    network = head(BernoulliHead)
    h_BTH = hidden().expand(20_000, 1, HIDDEN)
    p = network.project(h_BTH[:1]).sigmoid().item()
    drawn = network(h_BTH, seeded_noise(0).normal(20_000, 1, 1))
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    assert ((drawn + 1) / 2).mean().item() == pytest.approx(p, abs=0.02)
    drawn.mean().backward()
    straight = network.project.bias.grad.item()
    assert straight == pytest.approx(2 * p * (1 - p), rel=1e-4)
    middle = head(BernoulliHead, draw="mean")
    assert middle.noise == 0
    shown = middle(h_BTH[:1], torch.zeros(1, 1, 0)).item()
    assert shown == pytest.approx(2 * middle.project(h_BTH[:1]).sigmoid().item() - 1)


def test_noise_of_its_own_is_as_large_as_the_state_says():
    network = head(ContinuousHead, 2, noise=True)
    with torch.no_grad():
        network.project.weight.zero_()
        network.project.bias.copy_(torch.tensor([0.1, -0.2, 0.0, 0.3]))
    noise_BTN = network.draw(1000, 3, seeded_noise(0))
    x_BTF = network(hidden(1000, 3), noise_BTN)
    assert (x_BTF[..., 0] - math.tanh(0.1)).abs().max() < 1e-6
    assert torch.allclose(x_BTF[..., 1], (noise_BTN[..., 1] * 0.3 - 0.2).tanh())
    assert noise_BTN[..., 1].std() == pytest.approx(1, abs=0.05)
    (x_BTF[..., 1] ** 2).sum().backward()
    assert network.project.bias.grad[3] > 0, "more noise is more of it"
    plain = head(ContinuousHead, 2)
    assert plain.draw(5, 3, seeded_noise(0)).shape == (5, 3, 0)


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_the_discretised_logistic_is_scipys(scale):
    network = head(LogisticHead, levels=16)
    levels_L = torch.linspace(-1, 1, 16)
    h_BTH = hidden(scale=scale).expand(16, 1, HIDDEN)
    log_p = network.log_prob(h_BTH, levels_L[:, None, None])[:, 0].double()
    mean, log_scale = network.project(h_BTH[0, 0]).tolist()
    log_scale = max(log_scale, math.log(1 / 15) - 2)
    law = stats.logistic(loc=mean, scale=math.exp(log_scale))
    upper = np.append(law.cdf(levels_L[:-1].numpy() + 1 / 15), 1.0)
    lower = np.append(0.0, law.cdf(levels_L[1:].numpy() - 1 / 15))
    expected = np.log(np.maximum(upper - lower, 1e-300))
    likely = expected > -12  # Where scipy's difference of two numbers near 1 still means much.
    np.testing.assert_allclose(log_p.detach().numpy()[likely], expected[likely], atol=1e-3)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert log_p.isfinite().all()


def test_logistic_draws_follow_the_distribution():
    network = head(LogisticHead, levels=256)
    with torch.no_grad():
        network.project.weight.zero_()
        network.project.bias.copy_(torch.tensor([0.2, math.log(0.05)]))
    drawn = network(torch.zeros(50_000, 1, HIDDEN), seeded_noise(0).normal(50_000, 1, 1))
    assert drawn.mean().item() == pytest.approx(0.2, abs=0.002)
    assert drawn.std().item() == pytest.approx(0.05 * math.pi / math.sqrt(3), rel=0.02)
    assert head(LogisticHead, draw="mean").noise == 0


def test_extreme_parameters_have_finite_gradients():
    network = head(LogisticHead)
    with torch.no_grad():
        network.project.bias.copy_(torch.tensor([50.0, -40.0]))
    network.log_prob(hidden(), torch.tensor([[[-1.0]]])).sum().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())


# -- teacher forcing ----------------------------------------------------------------------------


def writer(kind=BernoulliHead, features=1, steps=4, cell="lstm", **changes):
    torch.manual_seed(1)
    settings = dict(
        classes=(2,), steps=steps, cell=cell, hidden_size=HIDDEN, layers=1, input_size=5,
        noise_size=0, step_noise_size=0, label_size=3, feedback=True,
    )  # fmt: skip
    network = RecurrentGenerator(head=kind(HIDDEN, features), **(settings | changes))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)  # So that the first weights already say something.
    return network


def every_sequence(steps=4):
    x_BTF = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=steps)))[:, :, None]
    return x_BTF, full_mask(len(x_BTF), steps)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_probabilities_of_all_sequences_add_up_to_one(cell):
    network = writer(cell=cell)
    x_BTF, mask_BT = every_sequence()
    for label in (0, 1):
        batch = Batch(x_BTF, mask_BT, torch.full((len(x_BTF), 1), label))
        assert network.log_prob(batch).sum(1).exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_samples_follow_the_likelihood():
    network = writer()
    x_BTF, mask_BT = every_sequence()
    expected = network.log_prob(Batch(x_BTF, mask_BT, torch.zeros(16, 1, dtype=torch.long)))
    with torch.no_grad():
        latent = network.draw(40_000, seeded_noise(0))
        drawn, _ = network(latent, torch.zeros(40_000, 1, dtype=torch.long))
    bits = ((drawn[:, :, 0] > 0) * torch.tensor([8, 4, 2, 1])).sum(1)
    found = torch.bincount(bits, minlength=16) / 40_000
    torch.testing.assert_close(found, expected.sum(1).exp().detach(), atol=0.01, rtol=0)


def test_a_step_is_predicted_from_those_before_it_only():
    network = writer(LogisticHead, features=2)
    x_BTF = (torch.rand(3, 4, 2) * 2 - 1).requires_grad_()
    batch = Batch(x_BTF, full_mask(3, 4), torch.tensor([[0], [1], [0]]))
    log_p_BT = network.log_prob(batch)
    (gradient,) = torch.autograd.grad(log_p_BT[:, 2].sum(), x_BTF)
    assert gradient[:, 3:].abs().sum() == 0
    assert gradient[:, :3].abs().sum() > 0


def test_teacher_forcing_is_the_stepwise_likelihood():
    network = writer(features=3, layers=2)
    x_BTF = torch.where(torch.rand(2, 4, 3) < 0.5, -1.0, 1.0)
    label_BA = torch.tensor([[1], [0]])
    batch = Batch(x_BTF, full_mask(2, 4), label_BA)
    latent = network.draw(2, seeded_noise(0))
    state, input_BTI = network.begin(latent, label_BA)
    steps = []
    for t in range(4):
        previous = network.start_F if t == 0 else x_BTF[:, t - 1]
        state, h_BH = network.recurrent.step(state, input_BTI[:, t] + network.before(previous))
        steps.append(network.head.log_prob(h_BH[:, None], x_BTF[:, t : t + 1])[:, 0])
    torch.testing.assert_close(network.log_prob(batch), torch.stack(steps, 1))


def test_padding_is_worth_nothing():
    network = writer()
    x_BTF, _ = every_sequence()
    mask_BT = full_mask(16, 4).clone()
    mask_BT[:, 2:] = False
    label_BA = torch.zeros(16, 1, dtype=torch.long)
    log_p_BT = network.log_prob(Batch(x_BTF, mask_BT, label_BA))
    assert (log_p_BT[:, 2:] == 0).all()
    changed_BTF = torch.where(mask_BT[:, :, None], x_BTF, torch.full_like(x_BTF, 9.0))
    other_BT = network.log_prob(Batch(changed_BTF, mask_BT, label_BA))
    torch.testing.assert_close(other_BT, log_p_BT)
    assert (log_p_BT[:, :2] < 0).all()


def test_what_a_generator_says_of_its_likelihood():
    assert writer().likelihood == "exact"
    assert writer(noise_size=2).likelihood == "none"
    assert writer(step_noise_size=2).likelihood == "none"
    plain = writer(ContinuousHead)
    assert plain.likelihood == "none"
    batch = Batch(*every_sequence(), torch.zeros(16, 1, dtype=torch.long))
    with pytest.raises(TypeError, match="no likelihood"):
        plain.log_prob(batch)
    picture = ConvolutionalGenerator(shape=(1, 4, 4), classes=(2,), channels=(2,))
    assert likelihood_figures(picture, batch, noise=seeded_noise(0)) == {}


def test_likelihood_learns_two_sequences():
    network = writer(steps=6)
    objective = Likelihood(network)
    pattern = torch.tensor([[1.0, 1, -1, -1, 1, -1], [-1.0, 1, -1, 1, 1, 1]])[:, :, None]
    batch = Batch(pattern, full_mask(2, 6), torch.tensor([[0], [1]]))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    turn = objective.turns[0]
    before = turn.compute(batch, seeded_noise(0), Moment(0, 0.0)).losses["likelihood"].item()
    for step in range(100):
        loss = turn.compute(batch, seeded_noise(0), Moment(step, 0.0)).losses["likelihood"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert before > 2
    assert loss.item() < 0.3
    measured = likelihood_figures(network, batch, noise=seeded_noise(0))
    assert measured["negative_log_likelihood"] < 0.3


# -- the bound ----------------------------------------------------------------------------------


def test_the_divergence_is_that_of_torch():
    mean_BZ, log_variance_BZ = torch.randn(2, 5, 3)
    q = torch.distributions.Normal(mean_BZ, (0.5 * log_variance_BZ).exp())
    p = torch.distributions.Normal(0.0, 1.0)
    expected = torch.distributions.kl_divergence(q, p).sum(1)
    torch.testing.assert_close(kl_to_prior(mean_BZ, log_variance_BZ), expected)


def recurrent_vae(latent_size=2, steps=3, features=2):
    torch.manual_seed(4)
    return VariationalAutoencoder(
        encoder=RecurrentEncoder(features=features, classes=(2,), hidden_size=4, label_size=3),
        decoder=RecurrentGenerator(
            head=BernoulliHead(HIDDEN, features, draw="mean"), classes=(2,), steps=steps,
            hidden_size=HIDDEN, layers=1, input_size=5, noise_size=latent_size,
            step_noise_size=0, label_size=3,
        ),
        latent_size=latent_size,
    )  # fmt: skip


def image_vae(latent_size=1):
    torch.manual_seed(5)
    network = VariationalAutoencoder(
        encoder=ConvolutionalEncoder(shape=(1, 4, 3), classes=(2,), channels=(4, 6), kernel=3),
        decoder=DenseGenerator(
            head=BernoulliHead(8, 12, draw="mean"), classes=(2,), widths=(8,),
            noise_size=latent_size, label_size=3,
        ),
        latent_size=latent_size,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in network.decoder.parameters():
            parameter.mul_(2)
    return network


def black_and_white(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.where(torch.rand(*shape, generator=rng) < 0.5, -1.0, 1.0)


def test_importance_sampling_finds_the_likelihood():
    """With one number in the code the likelihood is an integral that can be computed."""
    network = image_vae()
    batch = Batch(black_and_white(6, 1, 12), full_mask(6, 1), torch.tensor([[0], [1]] * 3))
    grid_G = torch.linspace(-8, 8, 4001)
    with torch.no_grad():
        nats = []
        for item in range(6):
            many = batch.part(torch.full((4001,), item))
            log_p_G = network.log_prob(many, grid_G[:, None]).sum(1)
            log_prior_G = -0.5 * grid_G.square() - 0.5 * math.log(2 * math.pi)
            width = math.log(16 / 4000)
            nats.append(-(log_p_G + log_prior_G).logsumexp(0).item() - width)
    figures = likelihood_figures(network, batch, noise=seeded_noise(0), draws=50_000)
    exact = sum(nats) / 6
    assert figures["negative_log_likelihood"] == pytest.approx(exact, abs=0.02)
    assert figures["bound"] > exact
    assert figures["bound"] == pytest.approx(figures["reconstruction"] + figures["kl"])


def test_active_units_are_those_that_vary():
    network = image_vae(latent_size=4)
    with torch.no_grad():
        network.posterior.weight.zero_()
        network.posterior.weight[1] = torch.randn(network.posterior.in_features)
    label_BA = torch.zeros(40, 1, dtype=torch.long)
    batch = Batch(black_and_white(40, 1, 12), full_mask(40, 1), label_BA)
    figures = likelihood_figures(network, batch, noise=seeded_noise(0), draws=2)
    assert figures["active_units"] == 1


def test_the_bound_by_hand():
    network = image_vae(latent_size=3)
    batch = Batch(black_and_white(4, 1, 12), full_mask(4, 1), torch.tensor([[0], [1]] * 2))
    objective = ELBO(network, beta=2.0, warmup=0.5)
    assert [objective.weight(share) for share in (0.0, 0.25, 0.5, 1.0)] == [0.0, 1.0, 2.0, 2.0]
    outcome = objective.turns[0].compute(batch, seeded_noise(7), Moment(0, 0.25))
    mean_BZ, log_variance_BZ = network.encode(batch)
    z_BZ = mean_BZ + (0.5 * log_variance_BZ).exp() * seeded_noise(7).normal(4, 3)
    p_BF = (network.decoder(network.draw(4, seeded_noise(0))._replace(z_BZ=z_BZ), batch.label_BA)[
        0
    ][:, 0] + 1) / 2  # fmt: skip
    white_BF = batch.x_BTF[:, 0] > 0
    reconstruction = -torch.where(white_BF, p_BF, 1 - p_BF).log().sum(1).mean()
    assert outcome.losses["reconstruction"].item() == pytest.approx(
        reconstruction.item(), rel=1e-4
    )
    kl = kl_to_prior(mean_BZ, log_variance_BZ).mean().item()
    assert outcome.losses["weighted_kl"].item() == pytest.approx(kl, rel=1e-5)
    assert outcome.figures["bound"].item() == pytest.approx(reconstruction.item() + kl, rel=1e-4)
    assert ELBO(network).weight(0.0) == 1.0


@pytest.mark.parametrize("make", [recurrent_vae, image_vae])
def test_every_parameter_of_an_autoencoder_learns(make):
    network = make()
    shape = (4, 3, 2) if make is recurrent_vae else (4, 1, 12)
    batch = Batch(black_and_white(*shape), full_mask(*shape[:2]), torch.tensor([[0], [1]] * 2))
    outcome = ELBO(network).turns[0].compute(batch, seeded_noise(0), Moment(0, 0.0))
    sum(outcome.losses.values()).backward()
    assert not [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 0]


def test_padding_does_not_reach_the_code():
    network = recurrent_vae()
    x_BTF = black_and_white(2, 3, 2)
    mask_BT = torch.tensor([[True, True, False], [True, True, True]])
    label_BA = torch.tensor([[0], [1]])
    mean_BZ, _ = network.encode(Batch(x_BTF, mask_BT, label_BA))
    changed = torch.where(mask_BT[:, :, None], x_BTF, torch.full_like(x_BTF, 7.0))
    other_BZ, _ = network.encode(Batch(changed, mask_BT, label_BA))
    torch.testing.assert_close(other_BZ, mean_BZ)


def test_a_tiny_vae_learns_four_pictures():
    network = image_vae(latent_size=2)
    pictures = black_and_white(4, 1, 12, seed=3)
    batch = Batch(pictures.repeat(8, 1, 1), full_mask(32, 1), torch.zeros(32, 1, dtype=torch.long))
    objective = ELBO(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    noise = seeded_noise(0)
    first = likelihood_figures(network, batch, noise=seeded_noise(1), draws=50)
    for step in range(400):
        outcome = objective.turns[0].compute(batch, noise, Moment(step, 0.0))
        optimizer.zero_grad()
        sum(outcome.losses.values()).backward()
        optimizer.step()
    last = likelihood_figures(network, batch, noise=seeded_noise(1), draws=50)
    assert first["negative_log_likelihood"] > 8
    # The best that four equally frequent pictures allow is log 4.
    assert math.log(4) - 0.02 < last["negative_log_likelihood"] < 2.2
    assert last["active_units"] >= 1


def test_items_are_chosen_once_each():
    assert chosen_items(10, 99).tolist() == list(range(10))
    few = chosen_items(1000, 10)
    assert len(set(few.tolist())) == 10
    assert (np.diff(few) > 0).all()
