"""Control over what is sampled: guidance by the label, and a choice among candidates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..batch import Batch
from ..errors import NotSupported, UsageError
from ..labels import LabelCounts, Levels, parse_labels
from ..nn.condition import NO_LABEL
from ..nn.networks import Discriminator, Generator
from ..nn.noise import Noise
from ..objectives.adversarial import sequence_logit

Choose = Literal["label", "discriminator", "both"]

MOST_CANDIDATES = 1000
MOST_LABELS = 200
"""Combinations of labels under which each candidate can be read."""


@dataclass(frozen=True)
class Steering:
    r"""How samples are steered.

    Attributes:
        guidance: w of classifier-free guidance, by which every step is drawn from
            :math:`w \log p(x | c) + (1 - w) \log p(x)` (Ho & Salimans 2022; Sanchez et al. 2023):
            exactly for tokens, categories and switches; of real values the parameters of their
            distributions are moved so.
        candidates: how many are drawn for each sample; one is kept.
        choose: in proportion to what: to the ``label``'s posterior probability under the generator
            itself, :math:`p(c | x)` (GeDi, Krause et al. 2020); to the exponential of the
            ``discriminator``'s logit, which without mismatched labels is the density ratio of real
            and generated sequences, and with them also says how well a label fits (Azadi et al.
            2018; Deng et al. 2020); or to the product of ``both``. For the posterior a candidate
            is read under every label; where these are numbers, or too many, without one, which a
            generator must have learned (``train.label_dropout``).
        power: exponent of the posterior probability.
    """

    guidance: float = 1.0
    candidates: int = 1
    choose: Choose = "label"
    power: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.candidates, int) or not 1 <= self.candidates <= MOST_CANDIDATES:
            raise UsageError(
                f"{self.candidates} candidates: choose among 1 to {MOST_CANDIDATES} a sample"
            )
        if self.choose not in get_args(Choose):
            raise UsageError(f"choose by {', '.join(get_args(Choose))}, not by {self.choose!r}")
        for name, value in (("guidance", self.guidance), ("power", self.power)):
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"{name} {value:g}: expected a number from 0")

    @property
    def plain(self) -> bool:
        """Whether samples are those of the generator alone."""
        return self.guidance == 1.0 and self.candidates == 1

    @property
    def by_label(self) -> bool:
        """Whether the choice depends on the label's posterior probability."""
        return self.candidates > 1 and self.choose != "discriminator"

    @property
    def by_discriminator(self) -> bool:
        """Whether the choice depends on the discriminator."""
        return self.candidates > 1 and self.choose != "label"


@dataclass(frozen=True)
class Controls:
    """What the samples of a run can be steered by.

    Attributes:
        unlabelled: whether the generator has learned sequences without their labels, too.
        critic: opens the discriminator, if there is one.
        ratio: whether its logits are log density ratios, up to a constant.
        group: how many sequences of one label it compares; 0 for none.
    """

    unlabelled: bool = False
    critic: Callable[[], Discriminator] | None = None
    ratio: bool = True
    group: int = 0


class Chooser:
    """Chooses one of several candidates for each sample.

    Args:
        steering: how.
        controls: what the run has.
        generator: its generator.
        labels: attributes and their classes, as the generator knows them.
        counts: how often each combination of labels occurs, if that is known.

    Raises:
        NotSupported: the run has not what it takes.
    """

    def __init__(
        self,
        steering: Steering,
        controls: Controls,
        generator: Generator,
        labels: Mapping[str, Sequence[str]],
        counts: LabelCounts | None = None,
    ) -> None:
        self.steering = steering
        self._generator = generator
        self._critic: Discriminator | None = None
        # A network that has learned sequences without labels estimates p(x) from few of them; what
        # it says under every label is exact, and a posterior probability is never above 1.
        self._unlabelled = controls.unlabelled and not _few(labels, counts)
        self._label_LA = torch.zeros(0, len(labels), dtype=torch.int64)
        self._prior_L = torch.zeros(0)
        if math.prod(map(len, labels.values())) < 2 and (
            steering.guidance != 1.0 or steering.by_label
        ):
            raise NotSupported("this run has one class, so that labels cannot steer its samples")
        if steering.guidance != 1.0:
            _refuse_guidance(generator, controls)
        if steering.by_label:
            _refuse_without_likelihood(generator, "candidates cannot be chosen by their label")
            if not self._unlabelled:
                self._label_LA, self._prior_L = _all_labels(labels, counts)
        if steering.by_discriminator:
            self._critic = _opened_critic(controls, steering).to(
                next(generator.parameters()).device
            )

    @torch.no_grad()
    def choose(self, candidates: Sequence[Batch], noise: Noise, whole: int) -> Batch:
        """Return one of the candidates for each sample, at random.

        Args:
            candidates: batches of the same labels.
            noise: draws the choice.
            whole: samples for which numbers are drawn, so that the choice for the first of them
                does not depend on how many there are.
        """
        if len(candidates) == 1:
            return candidates[0]
        weight_NB = torch.stack([self._by_label(one) for one in candidates])
        if self._critic is not None:
            weight_NB = weight_NB + self._by_critic(candidates, self._critic)
        # The largest weight plus Gumbel noise is a draw in proportion to the weights.
        gumbel_NB = noise.gumbel(whole, len(candidates))[: weight_NB.shape[1]].T
        chosen_B = (weight_NB.to(gumbel_NB) + gumbel_NB).argmax(0)
        place_B = torch.arange(len(chosen_B), device=chosen_B.device)
        first = candidates[0]
        return Batch(
            torch.stack([one.x_BTF for one in candidates])[chosen_B, place_B],
            torch.stack([one.mask_BT for one in candidates])[chosen_B, place_B],
            first.label_BA,
        )

    def _by_label(self, batch: Batch) -> Float[Tensor, " B"]:
        """Return the log-weights of sequences by the posterior probability of their labels."""
        if not self.steering.by_label:
            return torch.zeros(len(batch))
        asked_B = self._log_p(batch, batch.label_BA)
        if self._unlabelled:
            # By Bayes' rule; what depends on the label alone is the same for all candidates.
            every_B = self._log_p(batch, torch.full_like(batch.label_BA, NO_LABEL))
        else:
            every_LB = torch.stack(
                [self._log_p(batch, row_A.expand_as(batch.label_BA)) for row_A in self._label_LA]
            )
            every_B = (every_LB + self._prior_L[:, None]).logsumexp(0)
        return self.steering.power * (asked_B - every_B)

    def _log_p(self, batch: Batch, label_BA: Tensor) -> Float[Tensor, " B"]:
        read = Batch(batch.x_BTF, batch.mask_BT, label_BA.to(batch.label_BA))
        return self._generator.log_prob(read).sum(1).cpu()

    def _by_critic(
        self, candidates: Sequence[Batch], critic: Discriminator
    ) -> Float[Tensor, "N B"]:
        """Return the log-weights of sequences by the discriminator.

        Candidates for one sample stand beside each other, where a discriminator that compares
        sequences of one label finds them.
        """
        x = torch.stack([one.x_BTF for one in candidates], 1).flatten(0, 1)
        mask_ST = torch.stack([one.mask_BT for one in candidates], 1).flatten(0, 1)
        label_SA = candidates[0].label_BA.repeat_interleave(len(candidates), 0)
        logit_S = sequence_logit(critic(x, label_SA, mask_ST), mask_ST)
        return logit_S.unflatten(0, (-1, len(candidates))).T.float().cpu()


def _refuse_guidance(generator: Generator, controls: Controls) -> None:
    _refuse_without_likelihood(generator, "it cannot be guided")
    if not controls.unlabelled:
        raise NotSupported(
            "guidance needs a generator that knows sequences without labels, too: train with "
            "train.label_dropout=0.1"
        )


def _refuse_without_likelihood(generator: Generator, what: str) -> None:
    if generator.likelihood != "exact":
        raise NotSupported(
            f"the generator of this run has no exact likelihood, so that {what}; runs that are "
            "trained by likelihood, and those of text, have one"
        )


def _opened_critic(controls: Controls, steering: Steering) -> Discriminator:
    if controls.critic is None:
        raise NotSupported(
            "candidates cannot be chosen by the discriminator: this run has none, because it was "
            "not trained as a GAN"
        )
    if not controls.ratio:
        raise NotSupported(
            "candidates cannot be chosen by this discriminator: with its loss, logits are no "
            "density ratios (objective.loss relativistic, non-saturating and minimax give them)"
        )
    if controls.group and steering.candidates % controls.group:
        raise NotSupported(
            f"{steering.candidates} candidates: this discriminator compares groups of "
            f"{controls.group}, so that their number must be a multiple of {controls.group}"
        )
    return controls.critic()


def _all_labels(
    labels: Mapping[str, Sequence[str]], counts: LabelCounts | None
) -> tuple[Int[Tensor, "L A"], Float[Tensor, " L"]]:
    """Return all labels that occur, and the logarithms of their shares.

    Raises:
        NotSupported: there are too many.
    """
    if counts is not None:
        rows_LA = np.array([row for row, _ in counts], np.int64)
        count_L = np.array([count for _, count in counts], float)
    else:
        rows_LA = parse_labels(None, labels, every=True)
        count_L = np.ones(len(rows_LA))
    if not _few(labels, counts):
        numeric = any(isinstance(classes, Levels) for classes in labels.values())
        why = "numbers" if numeric else f"{len(rows_LA):,} labels, more than {MOST_LABELS}"
        raise NotSupported(
            f"candidates would have to be read under every label, and there are {why}: train with "
            "train.label_dropout=0.1, so that they are read without a label instead"
        )
    return torch.from_numpy(rows_LA), torch.from_numpy(np.log(count_L / count_L.sum())).float()


def _few(labels: Mapping[str, Sequence[str]], counts: LabelCounts | None) -> bool:
    """Whether sequences can be read under every label that occurs."""
    if any(isinstance(classes, Levels) for classes in labels.values()):
        return False
    count = math.prod(map(len, labels.values())) if counts is None else len(counts)
    return count <= MOST_LABELS
