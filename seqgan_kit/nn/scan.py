"""A loop over time as one operation, for networks that are exported."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.func import functional_call


def scan(
    step: nn.Module, carry: Sequence[Tensor], inputs: Sequence[Shaped[Tensor, "B T ..."]]
) -> Shaped[Tensor, "B T ..."]:
    """Apply a step over time, without gradients.

    A Python loop would be written out: an exported program, and the time to make it, would grow
    with the number of steps. ONNX has an operation for this, and so have exported programs.

    Args:
        step: from the carry and the inputs of a step ``[B, ...]`` to a list of tensors, the next
            carry and what is written. It returns none of its inputs, and no tensor twice.
        carry: the carry before the first step.
        inputs: the inputs of all steps.

    Returns:
        What is written at all steps.
    """
    # The operation sees weights only if they are handed in.
    weights = {**dict(step.named_parameters()), **dict(step.named_buffers())}
    count = len(carry) + len(inputs)

    def one(*tensors: Tensor) -> list[Tensor]:
        named = dict(zip(weights, tensors[count:], strict=True))
        return functional_call(step, named, tensors[:count])

    *_, written = torch.ops.higher_order.scan(
        one,
        [tensor.contiguous() for tensor in carry],
        [tensor.transpose(0, 1).contiguous() for tensor in inputs],
        tuple(weights.values()),
    )
    return written.transpose(0, 1)
