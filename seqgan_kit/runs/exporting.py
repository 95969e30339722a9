"""Generators as files for other programs.

Noise and labels go in, steps and their mask come out, in batches of any size. What else a reader
has to know is a JSON text in the file: the labels, the settings of the codec, and how the noise is
drawn. A file gets its name only after its output has been held to that of the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .. import __version__
from ..errors import NotSupported, UsageError
from ..files import write_file
from ..nn.networks import Generator
from ..nn.noise import Latent, Noise, seeded_noise
from ..nn.relaxation import as_tensor
from ..training.run import Run
from .data import kind_of
from .loading import load_sampler, run_recipe
from .programs import FORMATS, ExportProblem, Format, Program, trace

NOISE = ("z", "step", "head")
"""Names of the parts of a latent as inputs: noise of the sequence, of its steps, of the head."""

OUTPUTS = ("x", "mask")

DISTRIBUTIONS = ("normal", "uniform", "gumbel")
"""Standard normal numbers u, numbers from 0 to below 1, and -log(-log(u)) of such."""

TOLERANCE = 1e-5
"""Largest difference of a number, which lies between -1 and 1; tokens are equal."""

BATCHES = (1, 3, 60)
"""Sequences at a time by which a file is held to the run."""

MOVED, TRIES, ABOUT = 1e-6, 16, 2
"""How far weights and noise are moved to find what hangs on rounding, how often, and how many
times as far another program may be."""


class Check(NamedTuple):
    """How far the output of a file is from that of the run.

    Attributes:
        largest: the largest difference of a number.
        sequences: how many were compared.
        undecided: how many more change with the last digit of a weight.
    """

    largest: float
    sequences: int
    undecided: int


class _Exported(nn.Module):
    """A generator whose inputs have names; noise that it does not read is no input.

    Args:
        generator: the generator.
        latent: an example of its noise.
    """

    def __init__(self, generator: Generator, latent: Latent) -> None:
        super().__init__()
        self.generator = generator
        self._shapes = [part.shape[1:] for part in latent]

    def named(self, latent: Latent, label_BA: Int[Tensor, "B A"]) -> dict[str, Tensor]:
        """Return inputs by name."""
        parts = dict(zip(NOISE, latent, strict=True))
        read = {name: part for name, part in parts.items() if part.shape[1:].numel()}
        return {"label": label_BA, **read}

    def forward(
        self,
        label: Int[Tensor, "B A"],
        z: Tensor | None = None,
        step: Tensor | None = None,
        head: Tensor | None = None,
    ) -> tuple[Tensor, Bool[Tensor, "B T"]]:
        parts = [
            label.new_zeros((label.shape[0], *shape), dtype=torch.float32)
            if part is None
            else part
            for part, shape in zip((z, step, head), self._shapes, strict=True)
        ]
        x, mask_BT = self.generator.write(Latent(*parts), label)
        return as_tensor(x), mask_BT


class _Marks(Noise):
    """Draws, in the place of numbers, from which distribution each one is."""

    def normal(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        return self._marks("normal", count, *shape)

    def uniform(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        return self._marks("uniform", count, *shape)

    def gumbel(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        return self._marks("gumbel", count, *shape)

    def _marks(self, distribution: str, *shape: int) -> Tensor:
        return torch.full(shape, float(DISTRIBUTIONS.index(distribution)))


def export(run: Run, target: Path, *, checkpoint: str | None = None) -> Check:
    """Write the generator of a run into a file.

    Args:
        run: the run.
        target: the file, which ends in ``.onnx`` or ``.pt2``.
        checkpoint: a step number; the best or else the newest if absent.

    Raises:
        UsageError: the file has another ending.
        RunError: no such checkpoint.
        FileProblem: it is damaged.
        NotSupported: the network does what a file cannot do.
        ExportProblem: packages are missing, or the file is not what the run is.
    """
    format_of(target)
    recipe = run_recipe(run)
    sampler = load_sampler(run, recipe, checkpoint=checkpoint, device=torch.device("cpu"))
    codec, source = sampler.codec, kind_of(recipe).downloads.get(recipe.data.source)
    about = {
        "seqgan_kit": __version__,
        "kind": kind_of(recipe).name,
        "recipe": recipe.name,
        "checkpoint": run.checkpoint(checkpoint).name,
        "data": {
            "name": run.info["data"]["name"],
            "licence": None if source is None else source.licence,
        },
        "labels": {name: list(classes) for name, classes in sampler.labels.items()},
        "codec": {**run.info["codec"], **codec.about()},
        "end": codec.end,
    }
    classes = [len(names) for names in sampler.labels.values()]
    return write(sampler.generator.writer, classes, target, about)


def format_of(target: Path) -> Format:
    """Return the format that the ending of a file stands for.

    Raises:
        UsageError: there is none.
        ExportProblem: packages are missing.
    """
    if target.suffix not in FORMATS:
        raise UsageError(f"{target}: the name of an exported run ends in {' or '.join(FORMATS)}")
    FORMATS[target.suffix].require()
    return FORMATS[target.suffix]


def write(
    generator: Generator, classes: Sequence[int], target: Path, about: Mapping[str, Any]
) -> Check:
    """Write a generator into a file, and hold the file to it.

    Args:
        generator: the part of a network that writes.
        classes: number of classes of each attribute.
        target: the file.
        about: JSON values for its readers; inputs and outputs are added.

    Raises:
        UsageError: the file has another ending.
        NotSupported: the network does what a file cannot do.
        ExportProblem: packages are missing, or the file is not what the network is.
    """
    form = format_of(target)
    generator = deepcopy(generator).eval().requires_grad_(False)
    module = _Exported(generator, generator.draw(2, seeded_noise(0)))
    example = _inputs(generator, classes, 2)
    program = trace(module, module.named(*example))
    x, mask_BT = module(**module.named(*example))
    told = {
        **about,
        "inputs": _described(module, classes),
        "outputs": [
            {"name": "x", "shape": _shape(x), "type": _type(x)},
            {"name": "mask", "shape": _shape(mask_BT), "type": "bool"},
        ],
    }
    with write_file(target) as draft:
        form.write(program, draft, json.dumps(told, ensure_ascii=False), OUTPUTS)
        found = _compared(module, form.open(draft), classes)
        if found.largest > TOLERANCE:
            raise ExportProblem(
                f"{target} is not written: what it gives differs from the run by "
                f"{found.largest:.2g}, in numbers from -1 to 1 of which {TOLERANCE:g} is allowed"
            )
        if found.undecided > found.sequences:
            raise ExportProblem(
                f"{target} is not written: it cannot be held to the run, of which "
                f"{found.undecided} of {sum(BATCHES)} sequences change with the last digit"
            )
    return found


def _inputs(
    generator: Generator, classes: Sequence[int], count: int, seed: int = 0
) -> tuple[Latent, Int[Tensor, "B A"]]:
    noise = seeded_noise(seed)
    columns = [torch.randint(size, (count,), generator=noise.generator) for size in classes]
    return generator.draw(count, noise), torch.stack(columns, 1)


def _described(module: _Exported, classes: Sequence[int]) -> list[dict[str, Any]]:
    """Return name, shape, type and distribution of each input.

    Raises:
        NotSupported: noise of several distributions is one input, or it is not drawn as it is.
    """
    marks = module.generator.draw(2, _Marks(torch.Generator()))
    found: list[dict[str, Any]] = []
    for name, part in module.named(marks, torch.zeros(2, len(classes), dtype=torch.int64)).items():
        one: dict[str, Any] = {"name": name, "shape": _shape(part), "type": _type(part)}
        if name in NOISE:
            drawn = [n for n in range(len(DISTRIBUTIONS)) if bool((part == n).all())]
            if not drawn:
                raise NotSupported(
                    f"this network cannot be exported: its noise {name!r} is not drawn from one "
                    f"of the distributions {', '.join(DISTRIBUTIONS)}"
                )
            one["distribution"] = DISTRIBUTIONS[drawn[0]]
        else:
            one["classes"] = list(classes)
        found.append(one)
    return found


def _shape(tensor: Tensor) -> list[str | int]:
    return ["batch", *tensor.shape[1:]]


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


# -- the check ----------------------------------------------------------------------------------


def _compared(module: _Exported, program: Program, classes: Sequence[int]) -> Check:
    """Hold a program to the module that it was made of, on the same noise and labels."""
    largest, sequences, left = 0.0, 0, 0
    for seed, count in enumerate(BATCHES):
        inputs = module.named(*_inputs(module.generator, classes, count, seed))
        far_B = _apart(module(**inputs), program(inputs))
        compared_B = far_B <= TOLERANCE
        if not compared_B.all():
            compared_B |= ~_undecided(module, inputs, far_B)
        largest = max([largest, *far_B[compared_B].tolist()])
        sequences += int(compared_B.sum())
        left += int((~compared_B).sum())
    return Check(largest, sequences, left)


def _apart(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Float[Tensor, " B"]:
    """Return the largest difference of each sequence, 1 for other tokens.

    Another mask, and what is no number, is infinitely far.
    """
    (x, mask_BT), (y, other_BT) = ours, theirs
    if x.shape != y.shape or x.dtype != y.dtype:
        return torch.full((len(x),), torch.inf)
    far = (x - y).abs() if x.is_floating_point() else (x != y).float()
    far_B = far.flatten(1).amax(1).nan_to_num(torch.inf)
    return far_B.masked_fill((mask_BT != other_BT).any(1), torch.inf)


def _undecided(
    module: _Exported, inputs: Mapping[str, Tensor], far_B: Float[Tensor, " B"]
) -> Bool[Tensor, " B"]:
    """Return which sequences are so far from those of another program by rounding alone.

    Where a network rounds to levels or draws tokens, a number may lie so near to the edge between
    two of them that programs which sum in another order fall on different sides of it, and with
    feedback all later steps follow. It shows by the network itself: weights and noise that are
    moved by one part in a million, a few roundings, give a sequence that is about as far.
    """
    random = torch.Generator().manual_seed(0)

    def moved(tensor: Tensor) -> Tensor:
        return tensor * (1 + MOVED * torch.randn(tensor.shape, generator=random))

    before = module(**inputs)
    reached_B = torch.zeros_like(far_B)
    for _ in range(TRIES):
        other = deepcopy(module)
        for weight in other.parameters():
            weight.copy_(moved(weight))
        noisy = {
            name: tensor if name == "label" else moved(tensor) for name, tensor in inputs.items()
        }
        reached_B = reached_B.maximum(_apart(before, other(**noisy)))
    return reached_B * ABOUT >= far_B
