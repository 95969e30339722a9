r"""The gradient of every item of a batch, from one pass forward and one pass back.

A layer's gradient is a sum over the rows that it reads: for a matrix of outer products of what
comes back and what went in. A :class:`Tape` notes both of each layer and never adds up the items.
Layers that own parameters are noted by hooks; recurrent layers, and parameters that belong to no
layer (:func:`spread`), ask for the tape themselves.

The first axis of what a layer reads is that of items, or of several batches of them one behind the
other (real and generated sequences joined): row r belongs to item r modulo the number of items.

References:
    Goodfellow 2015, *Efficient Per-Example Gradient Computations*; norms by Gram matrices, and
    sums of clipped gradients without a second pass: Bu et al. 2023, *Differentially Private
    Optimization on Large Model at Small Cost*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .relaxation import StraightThrough

_RECORDING: ContextVar[Tape | None] = ContextVar("_RECORDING", default=None)


class Tape:
    """What layers note of one pass: enough for the gradient of each item.

    Args:
        network: the network whose parameters are of interest.
        count: number of items.
    """

    def __init__(self, network: nn.Module, count: int) -> None:
        self.count = count
        self.parameters = dict(network.named_parameters())
        self._network = network
        self._owned = {id(weight): name for name, weight in self.parameters.items()}
        self._parts: dict[str, list[Tensor]] = {name: [] for name in self.parameters}
        self._outer: dict[str, list[tuple[Tensor, Tensor]]] = {n: [] for n in self.parameters}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Note what layers do; the pass back is taken after the block.

        The parameters need no gradient in it, so that none is summed over items, too.
        """
        hooks = [
            module.register_forward_hook(self._note)
            for module in self._network.modules()
            if any(id(weight) in self._owned for weight in module.parameters(recurse=False))
        ]
        needed = [weight for weight in self.parameters.values() if weight.requires_grad]
        for weight in needed:
            weight.requires_grad_(False)
        before = _RECORDING.set(self)
        try:
            yield
        finally:
            _RECORDING.reset(before)
            for weight in needed:
                weight.requires_grad_(True)
            for hook in hooks:
                hook.remove()

    def owns(self, parameter: Tensor) -> bool:
        """Return whether a parameter is one of the network's."""
        return id(parameter) in self._owned

    def _note(self, module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if not (torch.is_grad_enabled() and given and isinstance(output, Tensor)):
            return  # It passes no gradient, or reads no rows.
        if not output.requires_grad:
            output.requires_grad_()
        rule = RULES.get(type(module), _by_differentiation)
        output.register_hook(partial(self._apply, rule, module, given[0]))

    def _apply(
        self, rule: Callable[[Tape, Any, Any, Tensor], None], module: nn.Module, x: Any, g: Tensor
    ) -> None:
        with torch.no_grad():
            rule(self, module, x, g)

    def add(self, parameter: Tensor, gradient_RP: Float[Tensor, "R ..."]) -> None:
        """Note the gradient of a parameter by each row."""
        each = gradient_RP.detach().unflatten(0, (-1, self.count))
        self._parts[self._owned[id(parameter)]].append(each.sum(0))

    def outer(
        self, parameter: Tensor, back_RTO: Float[Tensor, "R T O"], into_RTI: Float[Tensor, "R T I"]
    ) -> None:
        """Note a gradient that is a sum over T of outer products, by each row."""
        noted = (self._by_item(back_RTO), self._by_item(into_RTI))
        self._outer[self._owned[id(parameter)]].append(noted)

    def _by_item(self, x_RTF: Tensor) -> Tensor:
        """Put the rows of an item behind each other, ``[N, T', F]``."""
        each = x_RTF.detach().unflatten(0, (-1, self.count))
        return each.transpose(0, 1).flatten(1, 2)

    def recurrent(
        self, weights: tuple[Tensor, ...], back_TBG: Tensor, x_TBF: Tensor, again_TBG: Tensor,
        before_TBH: Tensor,
    ) -> None:  # fmt: skip
        """Note a recurrent layer with weights and biases of input and state, time first."""
        of_input, of_state, input_bias, state_bias = weights
        back_BTG, again_BTG = back_TBG.transpose(0, 1), again_TBG.transpose(0, 1)
        self.outer(of_input, back_BTG, x_TBF.transpose(0, 1))
        self.outer(of_state, again_BTG, before_TBH.transpose(0, 1))
        self.add(input_bias, back_BTG.sum(1))
        self.add(state_bias, again_BTG.sum(1))

    def _joined(self, name: str) -> tuple[Tensor, Tensor] | None:
        noted = self._outer[name]
        if not noted:
            return None
        back, into = zip(*noted, strict=True)
        return torch.cat(back, 1), torch.cat(into, 1)

    def gradient(self, name: str) -> Float[Tensor, "N ..."]:
        """Return the gradient of a parameter by each item; zero where nothing was noted."""
        weight = self.parameters[name]
        total = weight.new_zeros(self.count, *weight.shape)
        for part in self._parts[name]:
            total += part
        if (joined := self._joined(name)) is not None:
            back_NTO, into_NTI = joined
            total += torch.bmm(back_NTO.transpose(1, 2), into_NTI).view_as(total)
        return total

    def squared_norms(
        self, unit_N: Int[Tensor, " N"] | None = None, units: int = 0
    ) -> Float[Tensor, " U"]:
        """Return the squared norm of the gradient of each item, over all parameters.

        Args:
            unit_N: the unit of each item, whose gradient is the mean of its items'; None: every
                item is one.
            units: number of units.
        """
        return torch.stack([self._squared(n, unit_N, units) for n in self.parameters]).sum(0)

    def _squared(self, name: str, unit_N: Tensor | None, units: int) -> Tensor:
        joined = self._joined(name)
        if unit_N is None and joined is not None and not self._parts[name]:
            back_NTO, into_NTI = joined
            steps, out, into = *back_NTO.shape[1:], into_NTI.shape[2]
            if steps * (out + into) < out * into:
                # |sum_t b_t i_t'|^2 is the sum of all (b_s . b_t) (i_s . i_t).
                back_NTT = torch.bmm(back_NTO, back_NTO.transpose(1, 2))
                into_NTT = torch.bmm(into_NTI, into_NTI.transpose(1, 2))
                return (back_NTT * into_NTT).sum((1, 2)).clamp(min=0)
        gradient_NP = self.gradient(name).flatten(1)
        if unit_N is not None:
            size_U = unit_N.bincount(minlength=units).clamp(min=1)
            gathered = gradient_NP.new_zeros(units, gradient_NP.shape[1])
            gradient_NP = gathered.index_add_(0, unit_N, gradient_NP) / size_U[:, None]
        return gradient_NP.square().sum(1)

    def weighted_sum(self, weight_N: Float[Tensor, " N"]) -> dict[str, Tensor]:
        """Return the sum over items of weighted gradients, by the name of the parameter."""
        found = {}
        for name, weight in self.parameters.items():
            total = torch.zeros_like(weight)
            for part in self._parts[name]:
                total += torch.tensordot(weight_N, part, 1)
            if (joined := self._joined(name)) is not None:
                back_NTO, into_NTI = joined
                scaled = (back_NTO * weight_N[:, None, None]).flatten(0, 1)
                total += (scaled.T @ into_NTI.flatten(0, 1)).view_as(weight)
            found[name] = total
        return found


def tape_of(parameter: Tensor) -> Tape | None:
    """Return the tape that notes what is done with a parameter, if there is one."""
    tape = _RECORDING.get()
    return tape if tape is not None and tape.owns(parameter) else None


def spread(parameter: Tensor, like: Tensor) -> Tensor:
    """Return a parameter that belongs to no layer, as each sequence of a batch uses it.

    While a tape records, it is a copy for each; else the parameter itself, which broadcasts
    alike.
    """
    tape = tape_of(parameter)
    if tape is None or not torch.is_grad_enabled():
        return parameter
    copies = parameter.detach().expand(len(like), *parameter.shape).requires_grad_()
    copies.register_hook(partial(tape.add, parameter))
    return copies


def _linear(tape: Tape, layer: nn.Linear, x: Tensor, gradient: Tensor) -> None:
    back_RTO = gradient.reshape(len(gradient), -1, gradient.shape[-1])
    into_RTI = x.reshape(len(x), -1, x.shape[-1])
    if tape.owns(layer.weight):
        tape.outer(layer.weight, back_RTO, into_RTI)
    if layer.bias is not None and tape.owns(layer.bias):
        tape.add(layer.bias, back_RTO.sum(1))


def _convolution(tape: Tape, layer: nn.Conv2d, x: Tensor, gradient: Tensor) -> None:
    if layer.groups != 1 or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        return _by_differentiation(tape, layer, x, gradient)
    patches_RIT = nn.functional.unfold(
        x, layer.kernel_size, layer.dilation, layer.padding, layer.stride
    )
    back_ROT = gradient.flatten(2)
    if tape.owns(layer.weight):
        tape.outer(layer.weight, back_ROT.transpose(1, 2), patches_RIT.transpose(1, 2))
    if layer.bias is not None and tape.owns(layer.bias):
        tape.add(layer.bias, back_ROT.sum(2))
    return None


def _by_differentiation(tape: Tape, module: nn.Module, x: Any, gradient: Tensor) -> None:
    """Note any layer of which PyTorch can differentiate a batch of calls."""
    if isinstance(x, StraightThrough):
        if x.alive_BT is not None:
            spare = (1,) * (gradient.dim() - x.alive_BT.dim())
            gradient = gradient * x.alive_BT.view(x.alive_BT.shape + spare)
        x = x.id_BT
    weights = {
        name: weight.detach()
        for name, weight in module.named_parameters(recurse=False)
        if tape.owns(weight)
    }

    def by_row(x: Tensor, gradient: Tensor) -> dict[str, Tensor]:
        def call(weights: dict[str, Tensor]) -> Tensor:
            return torch.func.functional_call(module, weights, (x[None],))[0]

        return torch.func.vjp(call, weights)[1](gradient)[0]

    for name, found in torch.func.vmap(by_row)(x, gradient).items():
        tape.add(module.get_parameter(name), found)


RULES: dict[type[nn.Module], Callable[[Tape, Any, Any, Tensor], None]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
}
"""How layers are noted, given their input and the gradient at their output."""
