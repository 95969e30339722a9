"""A training step stays on its device: it copies nothing to the host and mixes no devices.

The steps run on PyTorch's `meta` device, whose tensors have shapes and no numbers: to ask for a
number (`item`, `tolist`, `nonzero`, an index of booleans) is an error there, and `OneDevice`
refuses any operation with a tensor that was left on the CPU. No GPU is needed for it.
"""

import contextlib
import dataclasses

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seqgan_kit.batch import Batch
from seqgan_kit.data.loader import GroupedBatches, SequenceStore
from seqgan_kit.nn.noise import Noise
from seqgan_kit.objectives import penalties
from seqgan_kit.objectives.objective import Moment
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.recipe.files import bundled
from seqgan_kit.runs.data import kind_of, load_dataset, make_codec, seen, store_codec, trainable
from seqgan_kit.runs.objectives import make_objective
from seqgan_kit.training.ema import Average
from seqgan_kit.training.log import Means

from .conftest import text_data, tiny


class OneDevice(TorchDispatchMode):
    """Refuses operations of tensors on two devices, but for numbers and for copies."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if "copy" not in func.__name__:
            tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
            devices = {t.device.type for t in tensors if t.dim() or t.device.type == "meta"}
            if len(devices) > 1:
                raise RuntimeError(f"{func}: tensors on {' and '.join(sorted(devices))}")
        return func(*args, **(kwargs or {}))


class MetaNoise(Noise):
    """Noise on a device for which PyTorch has no stream of random numbers."""

    def __init__(self):
        pass

    def normal(self, count, *shape):
        return torch.empty(count, *shape, device="meta").normal_()

    def uniform(self, count, *shape):
        return torch.empty(count, *shape, device="meta").uniform_()

    def gumbel(self, count, *shape):
        return self.normal(count, *shape)


def one_kernel(x_BTF, state, weights, *options):
    """Stand in for cuDNN, which runs all layers and steps as one kernel that asks for nothing."""
    for of_input, *_ in zip(*[iter(weights)] * 4, strict=True):
        x_BTF = x_BTF @ of_input[: of_input.shape[0] // 4].T
        x_BTF = nn.functional.pad(x_BTF, (0, state[0].shape[-1] - x_BTF.shape[-1]))
    return (x_BTF, *state) if isinstance(state, list) else (x_BTF, state)


def step_on(device, recipe, tmp_path):
    """Take every turn of every phase of a recipe on a device, as the trainer does."""
    dataset = load_dataset(recipe)
    codec = make_codec(kind_of(recipe), store_codec(recipe, dataset))
    visible, _ = trainable(recipe, seen(recipe, dataset), codec)
    store = SequenceStore(visible.parts["training"], codec, torch.device("cpu"), 2**30, tmp_path)
    train = recipe.train
    batch = GroupedBatches(store, batch_size=train.batch_size, group=train.class_group).next()
    batch = Batch(*(getattr(batch, field.name).to(device) for field in dataclasses.fields(Batch)))
    objective = make_objective(recipe, codec, visible.classes)
    for network in objective.networks.values():
        network.to(device).train()
    average = Average(objective.networks[objective.averaged], 0.9)
    means, taken = Means(), 0
    for step in range(max(len(recipe.phases), 1)):
        moment = Moment(step, 0.5)
        for turn in objective.turns:
            if not turn.active(moment):
                continue
            for name, network in objective.networks.items():
                network.requires_grad_(name == turn.name)
            with OneDevice():
                outcome = turn.compute(batch, MetaNoise(), moment)
                torch.stack(list(outcome.losses.values())).sum().backward()
            found = [w.grad for w in objective.networks[turn.name].parameters()]
            assert any(gradient is not None for gradient in found)
            assert all(gradient is None or gradient.device == device for gradient in found)
            means.add({**outcome.losses, **outcome.figures})
            taken += 1
        average.update(step)
    assert taken >= len(objective.turns)


@pytest.mark.parametrize("name", list(bundled()))
def test_a_step_of_every_recipe_stays_on_its_device(
    name, small_text, small_mnist, tmp_path, monkeypatch
):
    # This device has neither such kernels nor precisions to choose from.
    monkeypatch.setattr(torch, "lstm", one_kernel)
    monkeypatch.setattr(torch, "gru", one_kernel)
    monkeypatch.setattr(penalties, "_full_precision", lambda x: contextlib.nullcontext())
    data = text_data(name, small_text)
    recipe = recipe_files.load(name, (*tiny(name), *data))
    if not data and recipe.data.source != "digits":
        recipe = recipe_files.load(name, (*tiny(name), f"data.root={small_mnist}"))
    step_on(torch.device("meta"), recipe, tmp_path)


def test_what_such_a_step_must_not_do():
    """The device refuses what the test above is there to find."""
    there = torch.empty(3, device="meta")
    for copied in (
        lambda: there.sum().item(),
        lambda: there.tolist(),
        lambda: there.nonzero(),
        lambda: there[there > 0],
        lambda: bool(there.any()),
        lambda: there + torch.zeros(3),
        lambda: there.view(1, 3) @ torch.zeros(3, 1),
    ):
        with pytest.raises((RuntimeError, NotImplementedError)), OneDevice():
            copied()
