"""Ends of generated sequences: what is written, and how their place is learned."""

import pytest
import torch

from seqgan_kit.data.ending import GAP, ended


def gradient(values, said, weight, frames=1):
    """Return the gradient of a weighted sum of exact steps by what a network wrote."""
    x_BTF = torch.tensor([[[*value, end] for value, end in zip(values, said, strict=True)]])
    x_BTF.requires_grad_(True)
    made_BTF = ended(x_BTF, frames)
    (made_BTF * torch.tensor(weight)[None]).sum().backward()
    return made_BTF[0].detach(), x_BTF.grad[0]


def test_a_short_gap_is_told_of_all_that_it_hides():
    values = [[0.5], [0.4], [0.3], [0.2], [0.1], [0.6]]
    weight = [[1.0, 7.0], [10.0, 20.0], [100.0, 200.0], [1e3, 2e3], [1e4, 2e4], [1e5, 2e5]]
    made, grad = gradient(values, [0.9, -0.2, -0.1, 0.7, 0.8, -0.6], weight)
    assert made[0].tolist() == [0.5, 1.0]
    assert made[1:].tolist() == [[0.0, -1.0]] * 5
    # The numbers of the gap and of the whole steps after it, and half their values.
    hidden = 20 + 200 + 2e3 + 2e4 + (10 * 0.4 + 100 * 0.3 + 1e3 * 0.2 + 1e4 * 0.1) / 2
    assert grad[:, 1].tolist() == pytest.approx([0, hidden, hidden, 0, 0, 0])
    assert grad[:, 0].tolist() == [1, 0, 0, 0, 0, 0]


def test_a_long_gap_is_an_end():
    said = [0.9, *[-0.2] * GAP, 0.7]
    weight = [[0.0, 10.0**step] for step in range(len(said))]
    hidden = sum(weight[step][1] for step in range(1, len(said)))
    values = [[0.0]] * len(said)
    assert gradient(values, said, weight)[1][:, 1].tolist() == [0, *[hidden] * GAP, 0]
    said.insert(1, -0.2)
    weight.append([0.0, 1e9])
    grad = gradient([*values, [0.0]], said, weight)[1]
    assert grad[:, 1].tolist() == [0, 10, *[0] * (len(said) - 2)]
    # Nothing comes after it.
    assert gradient([[0.0]] * 3, [0.9, -0.2, -0.1], weight[:3])[1][:, 1].tolist() == [0, 10, 0]


def test_the_last_step_that_is_whole_may_become_the_end_and_those_before_may_not():
    weight = [[0.0, 1.0], [0.0, 2.0], [0.0, 4.0], [0.0, 8.0]]
    values = [[0.0]] * 4
    assert gradient(values, [0.9, 0.8, 0.7, -0.5], weight)[1][:, 1].tolist() == [0, 0, 4, 8]
    assert gradient(values, [0.9, 0.8, 0.7, 0.6], weight)[1][:, 1].tolist() == [0, 0, 0, 8]
    # The first step exists whatever it says.
    assert gradient(values, [-0.9, -0.8, -0.7, -0.6], weight)[1][:, 1].tolist() == [0, 2, 0, 0]


def test_a_part_of_a_step_exists():
    values = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
    weight = [[1.0, 1.0, 0.0], [10.0, 100.0, 0.0], [1e3, 1e4, 0.0]]
    made, grad = gradient(values, [0.9, 0.1, 0.9], weight, frames=2)
    assert made.flatten().tolist() == pytest.approx([0.1, 0.2, 1, 0.3, 0, 0, 0, 0, -1])
    # What exists is no part of what the end hides.
    assert grad[1].tolist() == pytest.approx([10, 0, (100 * 0.4 + 1e3 * 0.5 + 1e4 * 0.6) / 2])
    made, grad = gradient(values, [-1.0, -1.0, -1.0], weight, frames=2)
    assert made[0].tolist() == pytest.approx([0.1, 0, 0])
    assert grad[0, 2] == pytest.approx(0.2 / 2)
