"""An LSTM layer of plain products, which can tell what it knows of each sequence's gradient.

The fused kernels return gradients of weights summed over a batch. Here the way back keeps the
gradient at every gate, from which that of each sequence follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

Record = Callable[[Tensor, Tensor, Tensor, Tensor], None]
"""Takes gradients at the gates as the input reaches them and the input, then gradients at the
gates as the state before reaches them and that state; ``[T, B, ...]`` each."""


def lstm_layer(
    x_TBF: Float[Tensor, "T B F"],
    h_BH: Float[Tensor, "B H"],
    c_BH: Float[Tensor, "B H"],
    *weights: Tensor,
    record: Record,
) -> tuple[Float[Tensor, "T B H"], Float[Tensor, "B H"]]:
    """Run an LSTM layer over all steps.

    Args:
        x_TBF: the input of every step, time first.
        h_BH: the initial state.
        c_BH: the initial cell.
        weights: those of input and state, ``[4H, F]`` and ``[4H, H]``, and their biases ``[4H]``,
            with the gates in the order of ``torch.nn.LSTM``. They get no gradient.
        record: called on the way back.

    Returns:
        The state after every step, and the last cell, which passes no gradient.
    """
    # Nothing else may need a gradient, and the way back has to be taken.
    anchor = torch.zeros((), device=x_TBF.device, requires_grad=True)
    constant = (weight.detach() for weight in weights)
    return _LSTMLayer.apply(record, anchor, x_TBF, h_BH, c_BH, *constant)


class _LSTMLayer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, record: Record, anchor: Tensor, x_TBF: Tensor, h_BH: Tensor, c_BH: Tensor,
        *weights: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        of_input, of_state, input_bias, state_bias = weights
        steps, count, _ = x_TBF.shape
        hidden = h_BH.shape[1]
        gates_TBG = torch.addmm(input_bias + state_bias, x_TBF.flatten(0, 1), of_input.T)
        gates_TBG = gates_TBG.view(steps, count, 4 * hidden)
        states = x_TBF.new_empty(steps + 1, count, hidden)
        cells = torch.empty_like(states)
        tanh_TBH = torch.empty_like(states[1:])
        states[0], cells[0] = h_BH, c_BH
        for t, gates_BG in enumerate(gates_TBG.unbind()):
            gates_BG.addmm_(states[t], of_state.T)
            gates_BG[:, : 2 * hidden].sigmoid_()
            gates_BG[:, 2 * hidden : 3 * hidden].tanh_()
            gates_BG[:, 3 * hidden :].sigmoid_()
            enter_BH, keep_BH, new_BH, show_BH = gates_BG.chunk(4, 1)
            torch.mul(cells[t], keep_BH, out=cells[t + 1]).addcmul_(enter_BH, new_BH)
            torch.tanh(cells[t + 1], out=tanh_TBH[t])
            torch.mul(tanh_TBH[t], show_BH, out=states[t + 1])
        ctx.record = record
        ctx.save_for_backward(x_TBF, of_input, of_state, gates_TBG, states, cells, tanh_TBH)
        last_BH = cells[-1].clone()
        ctx.mark_non_differentiable(last_BH)
        return states[1:], last_BH

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer_TBH: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        x_TBF, of_input, of_state, gates_TBG, states, cells, tanh_TBH = ctx.saved_tensors
        steps, count, _ = x_TBF.shape
        enter_TBH, keep_TBH, new_TBH, show_TBH = gates_TBG.chunk(4, 2)
        # What is known before the loop: from the gradient of cell or state to that of a gate.
        slope_TBG = torch.empty_like(gates_TBG)
        to_enter, to_keep, to_new, to_show = slope_TBG.chunk(4, 2)
        torch.mul(new_TBH, enter_TBH * (1 - enter_TBH), out=to_enter)
        torch.mul(cells[:-1], keep_TBH * (1 - keep_TBH), out=to_keep)
        torch.mul(enter_TBH, 1 - new_TBH.square(), out=to_new)
        torch.mul(tanh_TBH, show_TBH * (1 - show_TBH), out=to_show)
        through_TBH = show_TBH * (1 - tanh_TBH.square())
        state_BH, cell_BH = outer_TBH[-1], torch.zeros_like(states[0])
        slope_TB4H = slope_TBG.view(steps, count, 4, -1)
        for t in reversed(range(steps)):
            cell_BH = torch.addcmul(cell_BH, state_BH, through_TBH[t])
            slope_TB4H[t, :, :3].mul_(cell_BH[:, None])
            slope_TB4H[t, :, 3].mul_(state_BH)
            cell_BH = cell_BH * keep_TBH[t]
            state_BH = slope_TBG[t] @ of_state
            if t:
                state_BH += outer_TBH[t - 1]
        ctx.record(slope_TBG, x_TBF, slope_TBG, states[:-1])
        for_x = (slope_TBG @ of_input) if ctx.needs_input_grad[2] else None
        return None, None, for_x, state_BH, cell_BH, None, None, None, None
