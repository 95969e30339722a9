r"""Training with differential privacy: gradients that show little of any one item.

.. math:: g = \frac{1}{qU} \left( \sum_u \min\left(1, \frac{C}{\lVert g_u \rVert}\right) g_u
    + \sigma C\, n \right), \quad n \sim N(0, I)

over the units u that were drawn, each of U with probability q (Abadi et al. 2016, *Deep Learning
with Differential Privacy*, algorithm 1). A unit is an item, or the items of one speaker; the
gradient of a game is that of a real item together with the generated one that is paired with it.
What is computed from such gradients afterwards, such as a generator that learns from a
discriminator, is covered, too.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from ..batch import Batch
from ..data.dataset import DataError
from ..data.poisson import PoissonBatches
from ..nn.noise import Noise
from ..nn.per_item import Tape
from ..objectives.objective import Moment, Objective, Outcome, Turn
from .budget import PrivacyBudget

Gradients = dict[str, Tensor]
"""Gradients by the name of their parameter."""

SHARE = 0.01
"""Difference of gradients that rounding explains, as a share of their norm."""


class Private:
    """An objective in whose turns real sequences are seen only by clipped and noisy gradients.

    A turn that reads real sequences gets the gradient above; its losses keep their values. One
    that reads none, such as that of a game's generator, gets a batch with uniform labels in place
    of a real one, since the labels of a real one are data, too.

    Args:
        objective: the objective.
        batches: draws the units.
        budget: counts what is spent.
        bound: C, the largest norm of a unit's gradient.
        noise_multiplier: sigma.
    """

    def __init__(
        self,
        objective: Objective,
        batches: PoissonBatches,
        budget: PrivacyBudget,
        *,
        bound: float,
        noise_multiplier: float,
    ) -> None:
        self.networks: Mapping[str, nn.Module] = objective.networks
        self.averaged = objective.averaged
        self.batches = batches
        self.budget = budget
        self.bound = bound
        self.noise_multiplier = noise_multiplier
        self.turns: Sequence[Turn] = tuple(
            replace(turn, compute=partial(self._noisy, turn), shares=False)
            if turn.reads
            else replace(turn, compute=partial(self._blind, turn))
            for turn in objective.turns
        )
        self._generator: torch.Generator | None = None

    def _blind(self, turn: Turn, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        return turn.compute(self.batches.blank(noise), noise, moment._replace(shared=False))

    def _noisy(self, turn: Turn, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        self.budget.spend()
        network = self.networks[turn.name]
        # How many numbers a turn takes tells the size of its batch, and the stream of the run goes
        # on to where the generator draws.
        hidden = Noise(self._secret(batch.mask_BT.device))
        sums, outcome = self._clipped(turn, batch, hidden, moment._replace(shared=False))
        scale = self.noise_multiplier * self.bound
        surrogate = torch.zeros((), device=batch.mask_BT.device)
        for name, parameter in network.named_parameters():
            noisy = torch.empty_like(parameter).normal_(generator=self._secret(parameter.device))
            noisy = noisy.mul_(scale).add_(sums.get(name, 0.0)) / self.batches.expected
            # Its gradient is the noisy one.
            surrogate = surrogate + (noisy * parameter).sum()
        nothing = surrogate - surrogate.detach()
        losses = {name: value.detach() for name, value in outcome.losses.items()}
        name = next(iter(losses), turn.name)
        return Outcome({**losses, name: losses.get(name, 0.0) + nothing}, outcome.figures)

    def _clipped(
        self, turn: Turn, batch: Batch, noise: Noise, moment: Moment
    ) -> tuple[Gradients, Outcome]:
        """Return the sum of clipped gradients of units, and what the turn computed."""
        if not len(batch):
            return {}, Outcome({}, {})
        tape, outcome = recorded(turn, self.networks[turn.name], batch, noise, moment)
        unit_N, units = self.batches.units_of_last
        norm_U = tape.squared_norms(unit_N, units).sqrt()
        weight_U = (self.bound / norm_U.clamp(min=1e-12)).clamp(max=1.0)
        if unit_N is not None:
            weight_U = (weight_U / unit_N.bincount(minlength=units))[unit_N]
        return tape.weighted_sum(weight_U), outcome

    def _secret(self, device: torch.device) -> torch.Generator:
        """Return a generator that nobody can seed again: noise that can be repeated hides nothing.

        Its state is never stored.
        """
        if self._generator is None:
            self._generator = torch.Generator(device=device).manual_seed(secrets.randbits(63))
        return self._generator


def recorded(
    turn: Turn, network: nn.Module, batch: Batch, noise: Noise, moment: Moment
) -> tuple[Tape, Outcome]:
    """Compute a turn, and the gradient of each item of its batch."""
    tape = Tape(network, len(batch))
    with tape.recording():
        outcome = turn.compute(batch, noise, moment)
    # Losses are means over items.
    (torch.stack(list(outcome.losses.values())).sum() * len(batch)).backward()
    return tape, outcome


def mixed(turn: Turn, networks: Mapping[str, nn.Module], batch: Batch) -> list[str]:
    """Return parameters of which a turn does not know the gradient of each item.

    The gradients of a pass over the batch are compared with those of one pass for each item, with
    the same noise. They differ if a network, a loss or a penalty lets items see each other.
    """
    for name, module in networks.items():
        module.requires_grad_(name == turn.name)
    network, moment, count = networks[turn.name], Moment(0, 0.0), len(batch)
    device = batch.mask_BT.device

    def noise(rank: int = 0, world: int = 1) -> Noise:
        return Noise(torch.Generator(device=device).manual_seed(0), rank, world)

    tape, _ = recorded(turn, network, batch, noise(), moment)
    alone: dict[str, list[Tensor]] = {name: [] for name in tape.parameters}
    for place in range(count):
        losses = turn.compute(
            batch.part(slice(place, place + 1)), noise(place, count), moment
        ).losses
        found = torch.autograd.grad(
            torch.stack(list(losses.values())).sum(),
            list(network.parameters()),
            allow_unused=True,
            materialize_grads=True,
        )
        for name, gradient in zip(alone, found, strict=True):
            alone[name].append(gradient)
    wanted = {name: torch.stack(each) for name, each in alone.items()}
    largest = torch.stack([one.norm() for one in wanted.values()]).norm()
    return [
        name
        for name, one in wanted.items()
        if not (tape.gradient(name) - one).norm() <= SHARE * one.norm() + 1e-5 * largest
    ]


def refuse_mixed(objective: Objective, batch: Batch) -> None:
    """Check that items are apart in every turn that reads them.

    Raises:
        DataError: they are not.
    """
    for turn in objective.turns:
        if turn.reads and (names := mixed(turn, objective.networks, batch)):
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            raise DataError(
                f"train.privacy: the gradient of one item at the {turn.name}'s {shown} cannot be "
                "told from that of others: docs/privacy.md lists what mixes items"
            )
