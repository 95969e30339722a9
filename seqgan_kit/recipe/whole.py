"""The complete recipe: its sections, and checks that they fit together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, cast

from pydantic import Field, PrivateAttr, create_model, model_validator

from .. import plugins
from ..sections import (
    CodecSection,
    DataSection,
    EvaluationSection,
    ModelSection,
    Section,
    Seed,
    in_words,
)
from .objectives import GanObjectiveRecipe, ObjectiveRecipe
from .privacy import problems_of
from .training import PhaseRecipe, TrainRecipe


class Recipe(Section):
    """Everything about a run.

    Installed kinds and models define the sections of data, codec, model and evaluation:
    :func:`recipe_class` returns the class that reads them.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=120)]
    """Name of the run folder (default: the name of the file)."""
    seed: Seed = 0
    """Seed of the weights, the noise and the order of the data."""
    data: DataSection
    """The data to learn from."""
    conditional: bool = True
    """Whether the networks see the labels; without them there is one class."""
    codec: CodecSection
    """How data are turned into sequences."""
    model: ModelSection
    """The networks."""
    objective: ObjectiveRecipe = GanObjectiveRecipe()
    """What the networks are trained for."""
    phases: Annotated[tuple[PhaseRecipe, ...], Field(max_length=100)] = ()
    """Several objectives, one after another, in place of `objective`."""
    train: TrainRecipe
    """How to train."""
    evaluation: EvaluationSection = EvaluationSection()
    """How to measure the result."""

    _notes: tuple[str, ...] = PrivateAttr(())

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on how the recipe was read."""
        return self._notes

    def note(self, notes: Sequence[str]) -> None:
        """Store notes on how the recipe was read."""
        self._notes = tuple(notes)

    @property
    def kind(self) -> str:
        """The name of the kind of data."""
        return plugins.kind_of_source(self.data.source).name

    @property
    def objectives(self) -> tuple[Any, ...]:
        """The objectives in order: those of the phases, or the only one."""
        return tuple(phase.objective for phase in self.phases) or (self.objective,)

    @property
    def minibatch_group(self) -> int:
        """Group size of the minibatch feature; 0 if no discriminator is trained."""
        return self.model.compared if self.adversarial else 0

    @property
    def adversarial(self) -> bool:
        """Whether a discriminator is trained."""
        return any(objective.kind in ("gan", "policy", "ratio") for objective in self.objectives)

    @property
    def ratio_from(self) -> int | None:
        """The step from which the ratio of densities is learned, if it is in the end."""
        if self.objectives[-1].kind != "ratio":
            return None
        return sum(phase.steps or 0 for phase in self.phases[:-1])

    @property
    def _by_likelihood(self) -> bool:
        """Whether the likelihood of real sequences is among the objectives."""
        return any(
            objective.kind == "likelihood" or getattr(objective, "likelihood", 0.0)
            for objective in self.objectives
        )

    @property
    def batches_a_step(self) -> int:
        """Batches per training step: one for each turn of a network."""
        return max(
            1 + getattr(objective, "discriminator_steps", 0) for objective in self.objectives
        )

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        self._check_batch()
        self._check_codec()
        self._check_objectives()
        self.model.check(self)
        self._check_phases()
        train = self.train
        by_likelihood = train.keep == "best" and train.best_by == "likelihood"
        if by_likelihood and not self.model.exact_likelihood:
            raise ValueError("train.best_by: this model has no exact likelihood")
        # The generator of another run keeps what it has learned without labels.
        if train.label_dropout and not self._by_likelihood and self.ratio_from != 0:
            raise ValueError(
                "train.label_dropout is for maximum likelihood: objective.kind likelihood, a game "
                "with a share of it, or a phase"
            )
        if train.privacy is not None and (problem := next(problems_of(self), None)):
            raise ValueError(problem)
        for network in train.learning_rates:
            if network not in self.model.networks:
                raise ValueError(
                    f"train.learning_rates: there is no network {network!r}; the networks are "
                    + ", ".join(sorted(self.model.networks))
                )
        return self

    def _check_batch(self) -> None:
        size = self.train.batch_size
        for name, group in (
            ("train.class_group", self.train.class_group),
            ("model.discriminator.minibatch_group", self.minibatch_group),
        ):
            if group and size % group:
                raise ValueError(
                    f"train.batch_size ({size}) must be a multiple of {name} ({group})"
                )

    def _check_codec(self) -> None:
        kind = plugins.kind_of_source(self.data.source)
        if self.codec.kind not in kind.codecs:
            raise ValueError(
                f"data.source {self.data.source!r} requires codec.kind "
                + " or ".join(map(repr, kind.codecs))
            )
        writes = self.model.writes
        if self.codec.steps not in writes:
            ways = [
                in_words(schema.ways[steps])
                for steps in writes
                for schema in kind.codecs.values()
                if steps in schema.ways
            ]
            raise ValueError(
                f"model.kind {self.model.kind!r} requires {' or '.join(ways)}"
                if ways
                else f"model.kind {self.model.kind!r} does not support {kind.name}"
            )
        self.codec.check(self.data)

    def _check_objectives(self) -> None:
        allowed = self.model.objectives
        for objective in self.objectives:
            if objective.kind not in allowed:
                shown = [repr(name) for name in allowed]
                listed = " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
                raise ValueError(
                    f"model.kind {self.model.kind!r} requires objective.kind {listed}, not "
                    f"{objective.kind!r}"
                )

    def _check_phases(self) -> None:
        if any(objective.kind == "ratio" for objective in self.objectives[:-1]):
            raise ValueError("phases: objective.kind 'ratio' can only be that of the last phase")
        if self.ratio_from is not None and self.model.compared:
            raise ValueError(
                "model.discriminator.minibatch_group: objective.kind 'ratio' requires 0, since a "
                "density is that of one sequence"
            )
        for number, phase in enumerate(self.phases[:-1]):
            if phase.steps is None:
                raise ValueError(f"phases.{number}.steps: only the last phase can leave this out")
        before = sum(phase.steps or 0 for phase in self.phases[:-1])
        if before >= self.train.steps:
            raise ValueError(
                f"train.steps ({self.train.steps}) must be more than {before}, the steps of the "
                "phases before the last; train.minutes limits the time instead"
            )


@cache
def recipe_class(kind: str | None = None) -> type[Recipe]:
    """Return the recipe class with the sections of all installed kinds and models.

    Args:
        kind: the kind of data whose ``evaluation`` section the class has; ``None`` allows that
            of any kind, to describe all recipes.
    """
    kinds = plugins.kinds()
    evaluations = [one.evaluation for one in kinds.values() if kind in (None, one.name)]
    data = {schema: None for one in kinds.values() for schema in one.sources.values()}
    codecs = {schema: None for one in kinds.values() for schema in one.codecs.values()}
    models = {model.schema: None for model in plugins.models().values()}
    fields: dict[str, Any] = {
        "data": (_tagged(list(data), "source"), ...),
        "codec": (_tagged(list(codecs), "kind"), ...),
        "model": (_tagged(list(models), "kind"), ...),
        "evaluation": (
            reduce(or_, evaluations),
            evaluations[0](),
        ),
    }
    return cast(
        type[Recipe], create_model("Recipe", __base__=Recipe, __doc__=Recipe.__doc__, **fields)
    )


def _tagged(schemas: Sequence[type[Section]], tag: str) -> Any:
    """Return a union of sections, distinguished by one of their keys."""
    if len(schemas) == 1:
        return schemas[0]
    return Annotated[reduce(or_, schemas), Field(discriminator=tag)]
