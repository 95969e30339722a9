"""Stacks of recurrent layers: single steps, and the equivalent but faster kernel for all steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import UsageError
from .gru import gru_layer
from .lstm import lstm_layer
from .per_item import Tape, tape_of

Cell = Literal["lstm", "gru"]
State = tuple[Tensor, ...]
"""``(h,)`` for a GRU and ``(h, c)`` for an LSTM, each ``[L, B, H]``."""


class NoSuchKernel(UsageError):
    """The error for a precision in which this machine cannot run recurrent layers."""


class Recurrent(nn.Module):
    """A stack of one-directional recurrent layers.

    :meth:`step` computes one time step with plain matrix products; :meth:`unroll` runs a whole
    sequence through the fastest kernel of the device. Both use the same weights, and a test checks
    that they agree.

    Args:
        cell: ``"lstm"`` (Hochreiter & Schmidhuber 1997) or ``"gru"`` (Cho et al. 2014, in cuDNN's
            variant, with the reset gate after the matrix product).
        input_size: features per step.
        hidden_size: units per layer.
        layers: number of layers.
    """

    def __init__(
        self, *, cell: Cell = "lstm", input_size: int, hidden_size: int, layers: int = 1
    ) -> None:
        super().__init__()
        if cell not in ("lstm", "gru"):
            raise ValueError(f"cell must be 'lstm' or 'gru', not {cell!r}")
        self.cell = cell
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.layers = layers
        kernel = nn.LSTM if cell == "lstm" else nn.GRU
        self.weights = kernel(input_size, hidden_size, num_layers=layers, batch_first=True)
        for name, weight in self.weights.named_parameters():
            # An orthogonal recurrent matrix for each gate keeps gradients from vanishing over
            # many steps (Saxe et al. 2014).
            if name.startswith("weight_hh"):
                for gate in weight.data.chunk(self.gates):
                    nn.init.orthogonal_(gate)
            elif name.startswith("weight_ih"):
                nn.init.xavier_uniform_(weight)
            else:
                nn.init.zeros_(weight)
                if cell == "lstm" and name.startswith("bias_ih"):
                    # A forget gate that starts open (Jozefowicz et al. 2015).
                    nn.init.ones_(weight.data[hidden_size : 2 * hidden_size])

    @property
    def gates(self) -> int:
        return 4 if self.cell == "lstm" else 3

    @property
    def state_tensors(self) -> int:
        """The number of tensors in a state."""
        return 2 if self.cell == "lstm" else 1

    def zero_state(self, like_BTF: Tensor) -> State:
        """Return the initial state, all zero, ``[L, B, H]`` each."""
        zero_LBH = like_BTF.new_zeros(self.layers, like_BTF.shape[0], self.hidden_size)
        return (zero_LBH,) * self.state_tensors

    def _layer_weights(self, layer: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # Looked up by name at every call: spectral norm replaces the attributes, and the list
        # that nn.LSTM keeps would still have the old ones.
        w = self.weights
        return (
            getattr(w, f"weight_ih_l{layer}"),
            getattr(w, f"weight_hh_l{layer}"),
            getattr(w, f"bias_ih_l{layer}"),
            getattr(w, f"bias_hh_l{layer}"),
        )

    def step(self, state: State, x_BF: Float[Tensor, "B F"]) -> tuple[State, Float[Tensor, "B H"]]:
        """Compute one time step.

        Args:
            state: the state before the step, ``[L, B, H]`` each.
            x_BF: the input of the step.

        Returns:
            The state after the step and the output of the last layer.
        """
        after: list[tuple[Tensor, ...]] = []
        out_BH = x_BF
        for layer in range(self.layers):
            weights = self._layer_weights(layer)
            if self.cell == "lstm":
                h_BH, c_BH = torch.lstm_cell(out_BH, (state[0][layer], state[1][layer]), *weights)
                after.append((h_BH, c_BH))
            else:
                h_BH = torch.gru_cell(out_BH, state[0][layer], *weights)
                after.append((h_BH,))
            out_BH = h_BH
        return tuple(torch.stack(tensors) for tensors in zip(*after, strict=True)), out_BH

    def unroll(
        self, x_BTF: Float[Tensor, "B T F"], state: State | None = None
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """Run all steps at once with the fastest kernel of the device.

        Args:
            x_BTF: the input of every step.
            state: the initial state (default: :meth:`zero_state`).

        Returns:
            The output of the last layer at every step, and the state after the last one.

        Raises:
            NoSuchKernel: autocast is on and the CPU has no bfloat16 kernels.
        """
        state = self.zero_state(x_BTF) if state is None else state
        tape = tape_of(self._layer_weights(0)[0])
        if tape is not None and torch.is_grad_enabled():
            return self._noted(x_BTF, state, tape)
        plain = torch.is_autocast_enabled("cpu") or torch.compiler.is_exporting()
        if self.cell == "gru" and x_BTF.is_cpu and not plain:
            return self._by_own_kernel(x_BTF, state[0])
        weights = [w for layer in range(self.layers) for w in self._layer_weights(layer)]
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        options = (True, self.layers, 0.0, self.training, False, True)
        try:
            if self.cell == "lstm":
                out_BTH, h_LBH, c_LBH = torch.lstm(x_BTF, list(state), weights, *options)
                return out_BTH, (h_LBH, c_LBH)
            out_BTH, h_LBH = torch.gru(x_BTF, state[0], weights, *options)
            return out_BTH, (h_LBH,)
        except RuntimeError as error:
            if "primitive descriptor" not in str(error):
                raise
            raise NoSuchKernel(
                "this CPU cannot run recurrent layers in bfloat16: use train.precision=float32"
            ) from error

    def _noted(self, x_BTF: Tensor, state: State, tape: Tape) -> tuple[Tensor, State]:
        """Run all steps by kernels that tell the tape what they know of each sequence."""
        out_TBH = x_BTF.transpose(0, 1).contiguous()
        after: list[tuple[Tensor, ...]] = []
        for layer, first in enumerate(zip(*state, strict=True)):
            weights = self._layer_weights(layer)
            record = partial(tape.recurrent, weights)
            if self.cell == "lstm":
                out_TBH, c_BH = lstm_layer(out_TBH, *first, *weights, record=record)
                after.append((out_TBH[-1], c_BH))
            else:
                out_TBH = gru_layer(out_TBH, *first, *weights, record=record)
                after.append((out_TBH[-1],))
        states = tuple(torch.stack(tensors) for tensors in zip(*after, strict=True))
        return out_TBH.transpose(0, 1), states

    def _by_own_kernel(self, x_BTF: Tensor, state_LBH: Tensor) -> tuple[Tensor, State]:
        out_TBH = x_BTF.transpose(0, 1).contiguous()  # It has the time first.
        states = []
        for layer, h_BH in enumerate(state_LBH.unbind()):
            out_TBH = gru_layer(out_TBH, h_BH, *self._layer_weights(layer))
            states.append(out_TBH[-1])
        return out_TBH.transpose(0, 1), (torch.stack(states),)


class _Swap(torch.autograd.Function):
    """A permutation of rows that is its own inverse, so its gradient is the same permutation."""

    @staticmethod
    def forward(ctx: Any, x_NF: Tensor, order_N: Tensor) -> Tensor:
        ctx.save_for_backward(order_N)
        return x_NF.index_select(0, order_N)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (order_N,) = ctx.saved_tensors
        return _Swap.apply(gradients[0], order_N), None


def reversal(mask_BT: Bool[Tensor, "B T"]) -> Callable[[Tensor], Tensor]:
    """Return a function that reverses every sequence within its own length; padding stays.

    A bidirectional kernel over padded input starts its backward pass in the padding, which makes
    every real step wrong. Packing would copy the lengths to the host. This avoids both.

    >>> mask_BT = torch.tensor([[True, True, False]])
    >>> reversal(mask_BT)(torch.tensor([[[1.0], [2.0], [9.0]]])).flatten().tolist()
    [2.0, 1.0, 9.0]
    """
    batch, steps = mask_BT.shape
    position_T = torch.arange(steps, device=mask_BT.device)
    turned_BT = mask_BT.sum(1, keepdim=True) - 1 - position_T
    start_B1 = torch.arange(batch, device=mask_BT.device)[:, None] * steps
    order_N = (start_B1 + torch.where(mask_BT, turned_BT, position_T)).flatten()

    def turn(x_BTF: Tensor) -> Tensor:
        return _Swap.apply(x_BTF.flatten(0, 1), order_N).view_as(x_BTF)

    return turn


def readers(
    *, cell: Cell, input_size: int, hidden_size: int, layers: int, bidirectional: bool
) -> tuple[Recurrent, Recurrent | None]:
    """Make a stack that reads from the start, and if bidirectional one that reads backwards."""

    def stack() -> Recurrent:
        return Recurrent(cell=cell, input_size=input_size, hidden_size=hidden_size, layers=layers)

    return stack(), stack() if bidirectional else None


def read_both_ways(
    forwards: Recurrent,
    backwards: Recurrent | None,
    x_BTF: Float[Tensor, "B T F"],
    turn: Callable[[Tensor], Tensor],
) -> Float[Tensor, "B T H"]:
    """Return the hidden states of a stack, concatenated with those of one that reads backwards.

    Args:
        forwards: the stack that reads from the start.
        backwards: the stack that reads from the end, or None.
        x_BTF: input sequences.
        turn: :func:`reversal` of the mask of the sequences.
    """
    h_BTH, _ = forwards.unroll(x_BTF)
    if backwards is None:
        return h_BTH
    turned_BTH, _ = backwards.unroll(turn(x_BTF))
    return torch.cat([h_BTH, turn(turned_BTH)], -1)
