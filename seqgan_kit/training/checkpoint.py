"""Checkpoints: all that a run needs to resume exactly where it stopped, as tensors and JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field, FiniteFloat, NonNegativeInt, StrictInt, TypeAdapter, ValidationError
from torch import Tensor, nn

from ..files import (
    FileProblem,
    intact,
    misfit,
    read_json,
    read_tensors,
    write_folder,
    write_json,
    write_sums,
    write_tensors,
)
from .budget import Spending

Count = Annotated[StrictInt, NonNegativeInt]


@dataclass
class Progress:
    """The progress of a run.

    Attributes:
        step: steps done.
        drawn: batches drawn.
        seconds: training time.
        means: sums and counts of the metrics that are not logged yet.
        score: score of the averaged network at this step, lower is better; ``None`` if the run
            does not keep its best checkpoint.
        privacy: what was spent, for a training with privacy.
    """

    step: Count = 0
    drawn: Count = 0
    seconds: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    means: dict[str, tuple[float, Count]] = field(default_factory=dict)
    score: float | None = None
    privacy: Spending | None = None


def _prefixed(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {f"{part}/{name}": t for part, tensors in parts.items() for name, t in tensors.items()}


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    start = f"{part}/"
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def random_state(generator: torch.Generator) -> dict[str, Tensor]:
    """Return the states of the random number generators of this process.

    The noise of the run has one of its own, and what draws without naming one, such as
    ``nn.Dropout``, uses PyTorch's: on a CPU and on the device.
    """
    # A CPU generator cannot use the state of a CUDA generator, so the name has the device.
    states = {
        f"noise/{generator.device.type}": generator.get_state(),
        "cpu": torch.get_rng_state(),
    }
    if generator.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(generator.device)
    return states


def save(
    path: Path,
    *,
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    random: Sequence[Mapping[str, Tensor]],
    progress: Progress,
) -> None:
    """Write a checkpoint, a folder that appears only when it is complete.

    Args:
        path: the folder.
        networks: networks by name, including the average.
        optimizers: optimisers by name.
        random: :func:`random_state` of every process, by rank.
        progress: progress of the run.
    """
    optimizer_state = {
        name: {
            f"{index}/{key}": torch.as_tensor(value)
            for index, state in optimizer.state_dict()["state"].items()
            for key, value in state.items()
            if value is not None
        }
        for name, optimizer in optimizers.items()
    }
    states = {
        _ranked(name, rank): state
        for rank, states in enumerate(random)
        for name, state in states.items()
    }
    with write_folder(path) as draft:
        weights = _prefixed({name: module.state_dict() for name, module in networks.items()})
        write_tensors(draft / "networks.safetensors", weights)
        write_tensors(draft / "optimizers.safetensors", _prefixed(optimizer_state))
        write_tensors(draft / "random.safetensors", states)
        kinds = {name: type(optimizer).__name__ for name, optimizer in optimizers.items()}
        write_json(draft / "state.json", {**asdict(progress), "optimizers": kinds})
        write_sums(draft)


def _ranked(name: str, rank: int) -> str:
    # The first process has the names of version 0.1, which stored only its state.
    return name if rank == 0 else f"{name}/{rank}"


def _intact(file: Path) -> Path:
    try:
        return intact(file)
    except FileProblem as error:
        raise FileProblem(f"{error}; use another checkpoint") from error


def network_names(path: Path) -> set[str]:
    """Return the names of the networks in a checkpoint.

    Raises:
        FileProblem: the file is missing or damaged.
    """
    tensors = read_tensors(_intact(path / "networks.safetensors"))
    return {name.partition("/")[0] for name in tensors}


def load_network(path: Path, name: str, module: nn.Module) -> None:
    """Load the weights of a network from a checkpoint.

    Raises:
        FileProblem: the file is missing or damaged, or its networks have another shape.
    """
    _load_networks(path, {name: module})


def _load_networks(path: Path, modules: Mapping[str, nn.Module]) -> None:
    file = _intact(path / "networks.safetensors")
    tensors = read_tensors(file)
    parts = {name: _widened(_part(tensors, name), module) for name, module in modules.items()}
    # All are checked before one is changed.
    for name, module in modules.items():
        if problem := misfit(parts[name], module):
            raise FileProblem(f"{file} does not fit this recipe's {name}: {problem}")
    for name, module in modules.items():
        module.load_state_dict(parts[name])


def _widened(tensors: Mapping[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """Return weights in the precision of a network, where they were packed in half of it."""
    wanted = {name: tensor.dtype for name, tensor in module.state_dict().items()}
    half = {name for name, tensor in tensors.items() if tensor.dtype == torch.float16}
    return {
        name: tensor.to(wanted[name]) if name in half and name in wanted else tensor
        for name, tensor in tensors.items()
    }


def load(
    path: Path,
    *,
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    generator: torch.Generator,
    rank: int = 0,
) -> Progress:
    """Load a checkpoint.

    Args:
        path: the folder.
        networks: see :func:`save`.
        optimizers: see :func:`save`.
        generator: random number generator of the run's noise.
        rank: rank of this process, which gets its own random state.

    Raises:
        FileProblem: a file is missing or damaged, or its tensors have another shape.
    """
    progress, kinds = _read_state(path)
    optimizer_tensors = read_tensors(_intact(path / "optimizers.safetensors"))
    states = read_tensors(_intact(path / "random.safetensors"))
    _load_networks(path, networks)
    try:
        for name, optimizer in optimizers.items():
            if kinds.get(name, "Adam") != type(optimizer).__name__:
                raise FileProblem(
                    f"{path} was trained with the optimiser {kinds.get(name, 'Adam')}, not "
                    f"{type(optimizer).__name__}: resume it in Python with "
                    "seqgan_kit.runs.workflow.resume(RUN, optimizer=...)"
                )
            _load_optimizer(optimizer, _part(optimizer_tensors, name))
        _set_random_state(states, generator, rank, progress.step)
    except FileProblem:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise FileProblem(f"{path} does not fit this run ({error!r}); use another one") from error
    # The score belongs to the checkpoint, not to the steps that follow.
    progress.score = None
    return progress


def read_progress(path: Path) -> Progress:
    """Return the progress at a checkpoint, without loading it.

    Raises:
        FileProblem: ``state.json`` is missing or damaged, or belongs to another checkpoint.
    """
    return _read_state(path)[0]


def _read_state(path: Path) -> tuple[Progress, dict[str, str]]:
    """Read and check ``state.json``: the progress, and the optimisers' class names.

    Raises:
        FileProblem: it is missing or damaged, or belongs to another checkpoint.
    """
    file = _intact(path / "state.json")
    state = read_json(file)
    try:
        progress = TypeAdapter(Progress).validate_python(state)
        # Version 0.1 had only Adam and stored no names.
        kinds = TypeAdapter(dict[str, str]).validate_python(state.get("optimizers", {}))
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"])) or "it"
        raise FileProblem(f"{file} is damaged: {key}: {problem['msg'].lower()}") from error
    number = path.name.removeprefix("step-")
    if number.isdecimal() and number.lstrip("0") != str(progress.step).lstrip("0"):
        raise FileProblem(
            f"{file} is damaged: it says step {progress.step}, but its folder is {path.name}"
        )
    return progress, kinds


def _set_random_state(
    states: Mapping[str, Tensor], generator: torch.Generator, rank: int, step: int
) -> None:
    noise = states.get(f"noise/{generator.device.type}")
    if noise is not None:
        generator.set_state(noise)
    else:  # Resumed on another type of device: new numbers, so that none are repeated.
        generator.manual_seed(generator.initial_seed() + 1 + step)
    own = states.get(_ranked("cpu", rank))
    if own is not None:
        torch.set_rng_state(own)
    else:  # Resumed by more processes than before, for which there are no states.
        seed_process(generator.initial_seed() + 1 + step, rank)
    device = states.get(_ranked("cuda", rank))
    if device is not None and generator.device.type == "cuda":
        torch.cuda.set_rng_state(device, generator.device)


def seed_process(seed: int, rank: int) -> None:
    """Seed PyTorch's own generators, differently for each process, from the seed of a run."""
    digest = hashlib.sha256(f"{seed}/{rank}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little"))


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ValueError(f"the optimiser's {name} has values that are NaN or infinite")
        states.setdefault(int(index), {})[key] = tensor
    expected = _shapes(optimizer)
    for number, state in states.items():
        shapes = {key: tensor.shape for key, tensor in state.items()}
        if expected is not None and shapes != expected.get(number):
            raise ValueError(f"the optimiser keeps something else of its parameter {number}")
    # Learning rates and other settings come from the recipe; only the moments are loaded.
    fresh = optimizer.state_dict()
    optimizer.load_state_dict({"state": states, "param_groups": fresh["param_groups"]})


def _shapes(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, torch.Size]] | None:
    """Return the shapes of what an optimiser of PyTorch keeps of each parameter.

    Only the optimiser knows: it takes a step at a learning rate of zero, without gradient. The
    step of somebody's own class may do other things, too; of such a one nothing is known.
    """
    if not type(optimizer).__module__.startswith("torch.optim."):
        return None
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    return {
        index: {key: torch.as_tensor(v).shape for key, v in state.items() if v is not None}
        for index, state in optimizer.state_dict()["state"].items()
    }
