"""A head for steps of which some numbers are real, and others categories or switches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, one_hot

from ..batch import full_mask
from .heads import ContinuousHead, ValueLikelihood
from .noise import Noise
from .relaxation import gumbel_softmax

TEMPERATURE = 0.5
"""Temperature of the relaxation, by which gradients pass what is drawn."""


class Piece(NamedTuple):
    """Numbers of a step that belong together.

    Attributes:
        sort: ``"values"``: real numbers from -1 to 1. ``"choice"``: one of ``size`` categories,
            1 in its place and 0 elsewhere. ``"switch"``: one number, 1 or -1, and real ones that
            are 0 where it is -1. Where nothing is to be said, after an end, all numbers are 0.
        size: how many numbers.
    """

    sort: Literal["values", "choice", "switch"]
    size: int


class MixedHead(nn.Module):
    r"""A head whose steps have real values, categories and switches.

    Real values are those of another head. Categories and switches are drawn,

    .. math:: c = \arg\max_k (W h + b + g)_k, \quad s = \operatorname{sign}(w h + b + g - g')

    with standard Gumbel numbers g, and pass the gradient of their relaxation (Jang, Gu & Poole
    2017); the values behind a switch are multiplied by whether it is on.

    Args:
        hidden_size: width of the hidden states.
        pieces: what the numbers of a step are, in their order.
        values: makes the head of so many real values.
        exact: makes steps exact; see :class:`~seqgan_kit.kind.Codec`.

    References:
        Xu et al. 2019, *Modeling Tabular Data using Conditional GAN*, section 4.2, for tables.
    """

    gate_V: Tensor
    place_F: Tensor

    def __init__(
        self,
        hidden_size: int,
        pieces: Sequence[Piece],
        values: Callable[[int], ContinuousHead | ValueLikelihood],
        *,
        exact: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.feedback = sum(piece.size for piece in pieces)
        self.choices = [piece.size for piece in pieces if piece.sort == "choice"]
        gates, place = _laid_out(pieces)
        # For each real value the switch before it, from 1; 0: there is none.
        self.register_buffer("gate_V", torch.tensor(gates, dtype=torch.long), persistent=False)
        self.register_buffer("place_F", torch.tensor(place), persistent=False)
        self.switches = sum(piece.sort == "switch" for piece in pieces)
        self.values = values(len(gates)) if gates else None
        self.discrete = nn.Linear(hidden_size, self.switches + sum(self.choices))
        self._exact = exact

    def draw(self, count: int, steps: int, noise: Noise) -> Float[Tensor, "B T N"]:
        own_BTN = noise.normal(count, steps, self.discrete.out_features)
        if self.values is None:
            return own_BTN
        return torch.cat([own_BTN, self.values.draw(count, steps, noise)], -1)

    def anneal(self, progress: float) -> None:
        pass

    def forward(
        self, h_BTH: Float[Tensor, "B T H"], noise_BTN: Float[Tensor, "B T N"]
    ) -> Float[Tensor, "B T F"]:
        logit_BTS, *logits = self._logits(h_BTH)
        # Uniform numbers, as a normal one that is not too far out has them.
        own_BTN, rest_BTN = noise_BTN.tensor_split([self.discrete.out_features], -1)
        share_BTN = torch.special.ndtr(own_BTN.float()).clamp(1e-6, 1 - 1e-6)
        share_BTS, *shares = share_BTN.split([self.switches, *self.choices], -1)
        # The difference of two Gumbel numbers is logistic.
        on_BTS = ((logit_BTS + share_BTS.logit()) / TEMPERATURE).sigmoid()
        on_BTS = _with_gradient((on_BTS > 0.5).float(), on_BTS)
        chosen = [_chosen(*pair) for pair in zip(logits, shares, strict=True)]
        found = [on_BTS * 2 - 1, *chosen]
        if self.values is not None:
            found.insert(0, self.values(h_BTH, rest_BTN) * self._open(on_BTS))
        return torch.cat(found, -1)[..., self.place_F]

    def _logits(self, h_BTH: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of all switches, and those of the categories of each choice."""
        return self.discrete(h_BTH).float().split([self.switches, *self.choices], -1)

    def _open(self, on_BTS: Float[Tensor, "B T S"]) -> Float[Tensor, "B T V"]:
        """Return for each real value whether its switch is on, or 1 if it has none."""
        always_BT1 = on_BTS.new_ones((*on_BTS.shape[:-1], 1))
        return torch.cat([always_BT1, on_BTS], -1)[..., self.gate_V]

    def embed(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B T F"]:
        return x_BTF

    def close(
        self, x_BTF: Float[Tensor, "B T F"]
    ) -> tuple[Float[Tensor, "B T F"], Bool[Tensor, "B T"]]:
        x_BTF = x_BTF if self._exact is None else self._exact(x_BTF)
        return x_BTF, full_mask(x_BTF.shape[0], x_BTF.shape[1], x_BTF.device)


class MixedLikelihoodHead(MixedHead):
    """A mixed head whose real values have a distribution, so that its steps have one.

    The probability of a step is the product of those of its parts: categorical, Bernoulli, and
    that of the other head for values that are not switched off. What is 0 in all places says
    nothing and counts nothing.
    """

    def log_prob(
        self, h_BTH: Float[Tensor, "B T H"], x_BTF: Float[Tensor, "B T F"]
    ) -> Float[Tensor, "B T"]:
        value_BTV, switch_BTS, *choices = self._parts(x_BTF)
        logit_BTS, *logits = self._logits(h_BTH)
        log_p_BT = (switch_BTS.abs() * logsigmoid(switch_BTS * logit_BTS)).sum(-1)
        for chosen, logit in zip(choices, logits, strict=True):
            log_p_BT = log_p_BT + (chosen * logit.log_softmax(-1)).sum(-1)
        if isinstance(self.values, ValueLikelihood):
            each_BTV = self.values.log_probs(h_BTH, value_BTV)
            log_p_BT = log_p_BT + (each_BTV * self._open(switch_BTS.clamp(min=0))).sum(-1)
        return log_p_BT

    def _parts(self, x_BTF: Tensor) -> tuple[Tensor, ...]:
        """Return the real values of steps, their switches, and each of their choices."""
        parts_BTF = torch.empty_like(x_BTF)
        parts_BTF[..., self.place_F] = x_BTF
        return parts_BTF.split([len(self.gate_V), self.switches, *self.choices], -1)

    def covers(self, x_BTF: Float[Tensor, "B T F"]) -> bool:
        value_BTV, switch_BTS, *choices = self._parts(x_BTF)
        drawn = [switch_BTS.abs(), *choices]
        if not all(bool(((part == 0) | (part == 1)).all()) for part in drawn):
            return False
        if not isinstance(self.values, ValueLikelihood):
            return True
        shut_BTV = self._open(switch_BTS.clamp(min=0)) == 0
        # What is switched off has no distribution to be outside of.
        return self.values.covers(torch.where(shut_BTV, 1.0, value_BTV))


def _laid_out(pieces: Sequence[Piece]) -> tuple[list[int], list[int]]:
    """Return the switch of each real value, and for each number of a step its place among all
    values, then all switches, then all categories.

    >>> _laid_out([Piece("values", 1), Piece("choice", 2), Piece("switch", 2)])
    ([0, 1], [0, 3, 4, 2, 1])
    """
    gates: list[int] = []
    numbers: list[tuple[str, int]] = []
    counts = {"value": 0, "switch": 0, "choice": 0}

    def add(sort: str, many: int) -> None:
        numbers.extend((sort, counts[sort] + n) for n in range(many))
        counts[sort] += many

    for piece in pieces:
        if piece.sort == "switch":
            add("switch", 1)
            add("value", piece.size - 1)
            gates += [counts["switch"]] * (piece.size - 1)
        elif piece.sort == "values":
            add("value", piece.size)
            gates += [0] * piece.size
        else:
            add("choice", piece.size)
    starts = {"value": 0, "switch": counts["value"], "choice": counts["value"] + counts["switch"]}
    return gates, [starts[sort] + number for sort, number in numbers]


def _chosen(logit_BTK: Tensor, share_BTK: Tensor) -> Tensor:
    """Draw categories as vectors of 0 and 1, with the gradient of the relaxed ones.

    Args:
        logit_BTK: their logits.
        share_BTK: uniform numbers between 0 and 1.
    """
    gumbel_BTK = -(-share_BTK.log()).log()
    relaxed = gumbel_softmax(logit_BTK, gumbel_BTK, temperature=TEMPERATURE)
    return _with_gradient(one_hot(relaxed.argmax(-1), relaxed.shape[-1]).to(relaxed), relaxed)


def _with_gradient(exact: Tensor, relaxed: Tensor) -> Tensor:
    """Return exact numbers that pass gradients as relaxed ones do."""
    # In this order nothing is rounded.
    return exact + (relaxed - relaxed.detach())
