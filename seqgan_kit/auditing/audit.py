"""The audit of a run."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.numeric import in_ranges
from ..evaluation.membership import Scores, strengths
from ..files import file_digest, write_json
from ..kind import Codec, Measure
from ..labels import sizes, with_levels
from ..nn.networks import Discriminator, Generator
from ..recipe import Recipe
from ..runs import data as data_of
from ..runs.loading import (
    folder_of,
    has_critic,
    load_critic,
    load_sampler,
    run_recipe,
    same_data,
)
from ..runs.networks import make_discriminator, make_generator
from ..runs.places import find, is_packed
from ..runs.sampler import Sampler, set_seed
from ..runs.watch import Watch
from ..training.run import Run
from ..training.runtime import choose_device
from .attacks import ATTACKS, DRAWS, NEIGHBOURS, Attacker, by_networks
from .candidates import MOST, Candidates, candidates
from .outcome import FORMAT, Audit, Row, RowName, kept

CHUNK = 500
"""Items that go through a codec at a time."""

SECRET = 0x5EED
"""Added to a seed for what is drawn beside the samples."""


def audit(
    run: Run | str | Path | Sampler,
    *,
    items: int = MOST,
    samples: int | None = None,
    checkpoint: str | None = None,
    seed: int = 0,
    device: str = "auto",
    watch: Watch | None = None,
) -> Audit:
    """Measure how well training items can be told from held-out ones; see ``seqgen audit``.

    The result is stored in the run's ``audit.json``, and an earlier one of the same settings is
    returned again.

    Args:
        run: the run, its folder or name, or what ``seqgan_kit.load`` returns.
        items: most training items, and as many held-out ones, whose membership is guessed.
        samples: samples that an attacker has (default: a set of the run's evaluation).
        checkpoint: a step number; the best or else the newest if absent.
        seed: of the choice of items, and of the samples.
        device: where to sample and to measure.
        watch: callbacks for progress.

    Raises:
        RunError: it is no run, has no checkpoint, or its data have changed.
        DataError: its data cannot be had.
        AuditError: too few items were held out.
        NotMeasurable: samples or networks give values that are not numbers.
    """
    watch = watch or Watch()
    opened = _opened(run)
    recipe = run_recipe(opened)
    chosen = opened.checkpoint(checkpoint)
    place = choose_device(device)
    count = samples or recipe.evaluation.samples
    dataset = same_data(opened, recipe, watch)
    measure = data_of.measure_of(recipe, in_ranges(dataset))
    settings = {
        "data": opened.info["data"]["fingerprint"],
        "measure": measure.key,
        "attacks": [FORMAT, NEIGHBOURS, DRAWS],
        "judge_epochs": recipe.evaluation.judge_epochs,
        "items": items,
        "samples": count,
        "seed": seed,
        "checkpoint": chosen.name,
        "weights": file_digest(chosen / "networks.safetensors"),
    }
    before = kept(opened)
    if before is not None and before.settings == settings:
        return before
    sampler = load_sampler(opened, recipe, checkpoint=chosen.name, device=place)
    found = candidates(recipe, dataset, sampler.codec, measure, items=items, seed=seed)
    counts = {
        "items": len(found.members),
        "reference": len(found.reference),
        "repeated": found.repeated,
        "training": found.training,
        "samples": count,
    }
    watch.say(
        f"guessing which of {counts['items']:,} training and as many {found.held_out} items were "
        f"trained on, from {count:,} samples"
    )
    attacker = Attacker(
        found, measure, epochs=recipe.evaluation.judge_epochs, seed=seed + SECRET, device=place
    )
    critic = None
    if has_critic(opened, recipe):
        critic = load_critic(opened, recipe, checkpoint=chosen.name).to(place)
    whole = _Audited(recipe, found, measure, attacker, place, seed, count)
    rows: dict[RowName, Row] = {
        "run": whole.row(sampler, critic),
        "copies": whole.by_items(_through(found.members.raw, sampler.codec, measure)),
        "untrained": whole.row(*_untrained(opened, recipe, sampler, critic, seed)),
        "real": whole.by_items(*_halves(found.reference.items)),
    }
    result = Audit(
        opened.path.name,
        settings,
        counts,
        found.held_out,
        rows,
        _left_out(opened, recipe, rows["run"].attacks),
    )
    write_json(opened.audit_path, result.as_json())
    return result


def _opened(run: Run | str | Path | Sampler) -> Run:
    if isinstance(run, Run):
        return run
    return Run(folder_of(run) if isinstance(run, Sampler) else find(run)[0])


class _Audited:
    """Attacks on one set of candidates."""

    def __init__(
        self,
        recipe: Recipe,
        found: Candidates,
        measure: Measure,
        attacker: Attacker,
        device: torch.device,
        seed: int,
        count: int,
    ) -> None:
        self._recipe, self._found, self._measure = recipe, found, measure
        self._attacker, self._device, self._seed, self._count = attacker, device, seed, count

    def row(self, sampler: Sampler, critic: Discriminator | None) -> Row:
        """Attack the samples of a generator, and its networks."""
        label_NA = self._asked()
        stream = sampler.stream(label_NA, seed=set_seed(self._seed, 0))
        samples = self._measure.made(torch.cat(list(stream)), sampler.codec)
        by_samples = self._attacker.by_samples(samples)
        networks = by_networks(
            self._found,
            self._recipe,
            sampler.codec,
            sampler.generator,
            critic,
            device=self._device,
        )
        return self._measured(by_samples, networks)

    def by_items(self, samples: Tensor, reference: Tensor | None = None) -> Row:
        """Attack items that no network has made."""
        return self._measured(self._attacker.by_samples(samples, reference), {})

    def _asked(self) -> np.ndarray:
        """Return labels for samples: those of the candidates of both sides, in equal parts."""
        if not self._recipe.conditional:
            return np.zeros((self._count, 1), np.int64)
        sides = (self._found.members, self._found.others)
        both_NA = np.concatenate([side.label_NA for side in sides])
        order_N = np.random.default_rng(self._seed + SECRET).permutation(len(both_NA))
        return np.resize(both_NA[order_N], (self._count, both_NA.shape[1]))

    def _measured(self, samples: Mapping[str, Scores], networks: Mapping[str, Scores]) -> Row:
        every = {**samples, **networks}
        groups = {"samples": [*samples], **({"run": [*every]} if networks else {})}
        return Row(*strengths(every, groups, seed=self._seed))


def _through(raw: Any, codec: Codec, measure: Measure) -> Tensor:
    """Return real items as a model would write them that has learned them by heart."""
    decoded = [
        codec.decode(*codec.encode(raw[start : start + CHUNK]))
        for start in range(0, len(raw), CHUNK)
    ]
    return measure.made(torch.cat(decoded), codec)


def _halves(reference: Tensor) -> tuple[Tensor, Tensor]:
    """Return one half of the reference in place of samples, and the other as the reference."""
    order = torch.from_numpy(np.random.default_rng(SECRET).permutation(len(reference)))
    first, second = order.tensor_split(2)
    return reference[first], reference[second]


def _untrained(
    run: Run, recipe: Recipe, sampler: Sampler, critic: Discriminator | None, seed: int
) -> tuple[Sampler, Discriminator | None]:
    """Return the networks of a run with the weights of a beginning."""
    classes = sizes(with_levels(run.info["labels"], recipe.data.numeric))
    fresh = copy(sampler)
    fresh.exact = fresh
    devices = [sampler.device] if sampler.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed + SECRET)
        generator: Generator = make_generator(recipe.model, sampler.codec, classes)
        fresh.generator = generator.to(sampler.device).eval()
        if critic is not None:
            made = make_discriminator(recipe.model, sampler.codec, classes)
            critic = made.to(sampler.device).eval()
    return fresh, critic


def _left_out(run: Run, recipe: Recipe, made: Mapping[str, Any]) -> dict[str, str]:
    """Say why the run has no such attack."""
    packed = recipe.adversarial and is_packed(run.path)
    why = {
        "discriminator": "the run is packed, which leaves its discriminator behind"
        if packed
        else "the run was not trained with a discriminator",
        "likelihood": "the generator gives sequences no likelihood",
    }
    of_kind = "items of this kind have none"
    return {name: why.get(name, of_kind) for name in ATTACKS if name not in made}
