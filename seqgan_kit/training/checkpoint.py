"""Checkpoints: all that a run needs to resume exactly where it stopped, as tensors and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from ..files import (
    FileProblem,
    read_json,
    read_tensors,
    same_shapes,
    write_folder,
    write_json,
    write_tensors,
)


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
    """

    step: int = 0
    drawn: int = 0
    seconds: float = 0.0
    means: dict[str, tuple[float, int]] = field(default_factory=dict)
    score: float | None = None


def _prefixed(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {f"{part}/{name}": t for part, tensors in parts.items() for name, t in tensors.items()}


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    start = f"{part}/"
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def save(
    path: Path,
    *,
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    generator: torch.Generator,
    progress: Progress,
) -> None:
    """Write a checkpoint, a folder that appears only when it is complete.

    Args:
        path: the folder.
        networks: networks by name, including the average.
        optimizers: optimisers by name.
        generator: random number generator of the run's noise.
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
    # A CPU generator cannot use the state of a CUDA generator, so the name has the device.
    random_state = {
        f"noise/{generator.device.type}": generator.get_state(),
        "cpu": torch.get_rng_state(),
    }
    with write_folder(path) as draft:
        weights = _prefixed({name: module.state_dict() for name, module in networks.items()})
        write_tensors(draft / "networks.safetensors", weights)
        write_tensors(draft / "optimizers.safetensors", _prefixed(optimizer_state))
        write_tensors(draft / "random.safetensors", random_state)
        kinds = {name: type(optimizer).__name__ for name, optimizer in optimizers.items()}
        write_json(draft / "state.json", {**asdict(progress), "optimizers": kinds})


def _there(file: Path) -> Path:
    if not file.is_file():
        raise FileProblem(f"{file} is missing; use another checkpoint")
    return file


def network_names(path: Path) -> set[str]:
    """Return the names of the networks in a checkpoint.

    Raises:
        FileProblem: the file is missing or damaged.
    """
    return {name.partition("/")[0] for name in read_tensors(_there(path / "networks.safetensors"))}


def load_network(path: Path, name: str, module: nn.Module) -> None:
    """Load the weights of a network from a checkpoint.

    Raises:
        FileProblem: the file is missing or damaged, or its networks have another shape.
    """
    file = _there(path / "networks.safetensors")
    tensors = _part(read_tensors(file), name)
    difference = same_shapes(tensors, module)
    if difference:
        raise FileProblem(f"{file} does not fit this recipe's {name}: {difference}")
    module.load_state_dict(tensors)


def load(
    path: Path,
    *,
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    generator: torch.Generator,
) -> Progress:
    """Load a checkpoint; the arguments are those of :func:`save`.

    Raises:
        FileProblem: a file is missing or damaged, or its tensors have another shape.
    """
    for name, module in networks.items():
        load_network(path, name, module)
    optimizer_tensors = read_tensors(_there(path / "optimizers.safetensors"))
    random_state = read_tensors(_there(path / "random.safetensors"))
    state = read_json(_there(path / "state.json"))
    try:
        # Version 0.1 had only Adam and stored no names.
        kinds = state.get("optimizers", {})
        for name, optimizer in optimizers.items():
            if kinds.get(name, "Adam") != type(optimizer).__name__:
                raise FileProblem(
                    f"{path} was trained with the optimiser {kinds.get(name, 'Adam')}, not "
                    f"{type(optimizer).__name__}: resume it in Python with "
                    "seqgan_kit.runs.workflow.resume(RUN, optimizer=...)"
                )
            _load_optimizer(optimizer, _part(optimizer_tensors, name))
        noise_state = random_state.get(f"noise/{generator.device.type}")
        if noise_state is not None:
            generator.set_state(noise_state)
        else:  # Resumed on another type of device: new numbers, so that none are repeated.
            generator.manual_seed(generator.initial_seed() + 1 + int(state["step"]))
        torch.set_rng_state(random_state["cpu"])
        means = {name: (float(total), int(n)) for name, (total, n) in state["means"].items()}
        return Progress(int(state["step"]), int(state["drawn"]), float(state["seconds"]), means)
    except FileProblem:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise FileProblem(f"{path} does not fit this run ({error!r}); use another one") from error


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/")
        states.setdefault(int(index), {})[key] = tensor
    # Learning rates and other settings come from the recipe; only the moments are loaded.
    fresh = optimizer.state_dict()
    optimizer.load_state_dict({"state": states, "param_groups": fresh["param_groups"]})
