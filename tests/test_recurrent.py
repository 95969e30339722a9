"""The recurrent primitive: step, unroll, direction, normalisation."""

import copy

import pytest
import torch

from seqgan_kit.nn.gru import gru_layer
from seqgan_kit.nn.normalization import normalize_spectrally
from seqgan_kit.nn.recurrent import Recurrent, reversal


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 3])
def test_unroll_equals_steps(cell, layers):
    torch.manual_seed(0)
    network = Recurrent(cell=cell, input_size=5, hidden_size=7, layers=layers)
    x_BTF = torch.randn(4, 6, 5)
    state = tuple(torch.randn(layers, 4, 7) for _ in range(network.state_tensors))
    out_BTH, last = network.unroll(x_BTF, state)
    for t in range(6):
        state, out_BH = network.step(state, x_BTF[:, t])
        torch.testing.assert_close(out_BH, out_BTH[:, t])
    for stepped, unrolled in zip(state, last, strict=True):
        torch.testing.assert_close(stepped, unrolled)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_of_unroll_equal_those_of_steps(cell):
    torch.manual_seed(0)
    network = Recurrent(cell=cell, input_size=3, hidden_size=4, layers=2)
    x_BTF = torch.randn(2, 5, 3)
    network.unroll(x_BTF)[0].square().sum().backward()
    fused = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    state, total = network.zero_state(x_BTF), 0
    for t in range(5):
        state, out_BH = network.step(state, x_BTF[:, t])
        total = total + out_BH.square().sum()
    total.backward()
    for by_kernel, parameter in zip(fused, network.parameters(), strict=True):
        torch.testing.assert_close(by_kernel, parameter.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_matches_pytorch(cell):
    torch.manual_seed(0)
    ours = Recurrent(cell=cell, input_size=3, hidden_size=4)
    theirs = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](3, 4, batch_first=True)
    theirs.load_state_dict(ours.weights.state_dict())
    x_BTF = torch.randn(2, 5, 3)
    torch.testing.assert_close(ours.unroll(x_BTF)[0], theirs(x_BTF)[0])


def test_gradients_of_our_kernel_and_theirs():
    """First and second derivatives against finite differences, in double precision."""
    torch.manual_seed(0)
    network = Recurrent(cell="gru", input_size=2, hidden_size=3).double()
    inputs = (torch.randn(2, 4, 2).double(), torch.randn(1, 2, 3).double())

    def run(x_BTF, state_LBH, *weights):
        names = dict(zip(dict(network.named_parameters()), weights, strict=True))
        with torch.nn.utils.stateless._reparametrize_module(network, names):
            out_BTH, (last_LBH,) = network.unroll(x_BTF, (state_LBH,))
        return out_BTH, last_LBH

    everything = (*inputs, *(p.detach() for p in network.parameters()))
    everything = tuple(tensor.clone().requires_grad_() for tensor in everything)
    assert torch.autograd.gradcheck(run, everything)
    assert torch.autograd.gradgradcheck(run, everything)


def test_gradients_that_are_to_be_derived_again_are_the_same():
    """Also where the state comes from the input, so that there are two ways to it."""
    torch.manual_seed(0)
    weights = torch.nn.GRU(2, 2).double().requires_grad_(False).all_weights[0]
    x_TBF = torch.randn(3, 2, 2).double().requires_grad_()
    out = gru_layer(x_TBF, x_TBF[0].tanh(), *weights).square().sum()
    (once,) = torch.autograd.grad(out, x_TBF, retain_graph=True)
    (again,) = torch.autograd.grad(out, x_TBF, create_graph=True)
    torch.testing.assert_close(again, once)


def test_only_wanted_gradients_are_computed():
    network = Recurrent(cell="gru", input_size=2, hidden_size=3)
    network.requires_grad_(False)
    x_BTF = torch.randn(2, 4, 2, requires_grad=True)
    network.unroll(x_BTF)[0].sum().backward()
    assert x_BTF.grad is not None
    assert all(weight.grad is None for weight in network.parameters())


def test_an_unknown_cell_is_refused():
    # A TypeError where the annotations are checked, as in these tests.
    with pytest.raises((ValueError, TypeError), match=r"'lstm'.*'gru'"):
        Recurrent(cell="rnn", input_size=1, hidden_size=1)


def test_reverse_turns_each_sequence_within_its_length():
    x_BTF = torch.tensor([[[1.0], [2], [3], [9]], [[1], [2], [3], [4]], [[9], [9], [9], [9]]])
    mask_BT = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]).bool()
    turned = reversal(mask_BT)(x_BTF)
    assert turned[..., 0].tolist() == [[3, 2, 1, 9], [4, 3, 2, 1], [9, 9, 9, 9]]
    assert torch.equal(reversal(mask_BT)(turned), x_BTF)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_spectral_norm_reaches_the_fused_kernel(cell):
    torch.manual_seed(0)
    network = Recurrent(cell=cell, input_size=3, hidden_size=8)
    plain = copy.deepcopy(network)
    with torch.no_grad():
        network.weights.weight_hh_l0 *= 5
    before = network.unroll(torch.randn(2, 4, 3))[0]
    normalize_spectrally(network)
    x_BTF = torch.randn(2, 4, 3)
    for _ in range(30):  # Every call in training mode is one power iteration.
        after = network.unroll(x_BTF)[0]
    largest = torch.linalg.svdvals(network.weights.weight_hh_l0)[0]
    assert largest.item() == pytest.approx(1, abs=1e-3)
    assert before.shape == after.shape
    # The kernel used the normalised matrix: plain weights times five would give another output.
    with torch.no_grad():
        plain.weights.weight_hh_l0.copy_(network.weights.weight_hh_l0)
        plain.weights.weight_ih_l0.copy_(network.weights.weight_ih_l0)
    torch.testing.assert_close(after, plain.unroll(x_BTF)[0], rtol=1e-3, atol=1e-4)
