"""A recipe as a whole: its parts, and whether they fit together."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from .codecs import (
    AudioCodecRecipe,
    ImageCodecRecipe,
    RowsCodecRecipe,
    SeriesCodecRecipe,
    TextCodecRecipe,
)
from .data import (
    CaptionsData,
    FolderData,
    LabelledTextData,
    LinesData,
    NamedData,
    OracleData,
    OwnSeriesData,
    RecordingsData,
    SinesData,
    SpokenDigitsData,
    SyntheticDigitsData,
    VowelsData,
)
from .models import ModelRecipe, RecurrentGanRecipe
from .objectives import GanObjectiveRecipe, ObjectiveRecipe
from .section import Section, Seed
from .training import EvaluationRecipe, PhaseRecipe, TrainRecipe

KINDS = {"codec": "rows", "model": "recurrent_gan", "objective": "gan"}
"""The kind of a section that names none: what had only one kind when it was written."""


CODEC = {
    "pictures": "'rows' or 'image'",
    "text": "'text'",
    "sound": "'audio'",
    "series": "'series'",
}
"""For what a data set consists of, the codecs that read it."""

GIVEN = {
    "pictures": {"values": "codec.kind 'rows'", "picture": "codec.kind 'image'"},
    "text": {"tokens": "codec.kind 'text'"},
    "sound": {
        "values": "codec.representation 'log-mel' (layout 'steps') or 'waveform'",
        "tokens": "codec.representation 'mu-law'",
        "picture": "codec.representation 'log-mel' with layout 'picture'",
    },
    "series": {"values": "codec.kind 'series'"},
}
"""By which settings sequences of each kind come from them."""

WRITTEN = {
    "recurrent_gan": ("values", "tokens"),
    "image_gan": ("picture",),
    "vae": ("picture",),
    "recurrent_vae": ("values",),
}
"""What the networks write."""


class Recipe(Section):
    """Everything about a run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the run folder; the file's name if absent."""
    seed: Seed = 0
    """Seed of the weights, the noise and the order of the data."""
    data: Annotated[
        NamedData
        | FolderData
        | CaptionsData
        | LabelledTextData
        | OracleData
        | LinesData
        | SpokenDigitsData
        | SyntheticDigitsData
        | RecordingsData
        | SinesData
        | VowelsData
        | OwnSeriesData,
        Field(discriminator="source"),
    ]
    """What to learn from."""
    conditional: bool = True
    """Whether the networks see the labels; without them there is one class."""
    codec: Annotated[
        RowsCodecRecipe
        | ImageCodecRecipe
        | TextCodecRecipe
        | AudioCodecRecipe
        | SeriesCodecRecipe,
        Field(discriminator="kind"),
    ] = RowsCodecRecipe()
    """How data become sequences."""
    model: ModelRecipe = RecurrentGanRecipe()
    """The networks."""
    objective: ObjectiveRecipe = GanObjectiveRecipe()
    """What they are trained for."""
    phases: tuple[PhaseRecipe, ...] = ()
    """Objectives one after another, instead of the one above."""
    train: TrainRecipe
    """How to train."""
    evaluation: EvaluationRecipe = EvaluationRecipe()
    """How to measure the result."""

    @property
    def objectives(self) -> tuple[Any, ...]:
        """The objectives in order: those of the phases, or the one."""
        return tuple(phase.objective for phase in self.phases) or (self.objective,)

    @property
    def minibatch_group(self) -> int:
        """Sequences that a discriminator compares; 0 where none is trained."""
        discriminator = getattr(self.model, "discriminator", None)
        return (
            discriminator.minibatch_group if discriminator is not None and self.adversarial else 0
        )

    @property
    def adversarial(self) -> bool:
        """Whether a discriminator is trained."""
        return any(objective.kind in ("gan", "policy") for objective in self.objectives)

    @property
    def own_root(self) -> bool:
        """Whether ``data.root`` says which data these are, and not only where they lie."""
        return self.data.source in ("folder", "lines", "oracle", "recordings", "series")

    @property
    def batches_a_step(self) -> int:
        """Batches that a training step draws: one for each turn of a network."""
        return max(
            1 + objective.discriminator_steps if objective.kind in ("gan", "policy") else 1
            for objective in self.objectives
        )

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        train = self.train
        for name, size in (
            ("train.class_group", train.class_group),
            ("model.discriminator.minibatch_group", self.minibatch_group),
        ):
            if size and train.batch_size % size:
                raise ValueError(
                    f"train.batch_size ({train.batch_size}) must be a multiple of {name} ({size})"
                )
        self._reads_what_there_is()
        autoencoder = self.model.kind in ("vae", "recurrent_vae")
        for objective in self.objectives:
            if (objective.kind == "elbo") != autoencoder:
                wanted = "'elbo'" if autoencoder else "'gan', 'policy' or 'likelihood'"
                raise ValueError(f"model.kind {self.model.kind!r} wants objective.kind {wanted}")
            if objective.kind == "likelihood" or getattr(objective, "likelihood", 0):
                self._has_likelihood(
                    alone=all(other.kind == "likelihood" for other in self.objectives)
                )
            if objective.kind == "policy":
                self._has_policy()
        decoder = getattr(self.model, "decoder", None)
        if decoder is not None and decoder.head.kind == "continuous":
            raise ValueError("model.decoder.head.kind: a likelihood wants bernoulli or logistic")
        if train.keep == "best" and train.best_by == "likelihood":
            model = self.model
            if not isinstance(model, RecurrentGanRecipe) or (
                model.generator.head.kind == "continuous"
            ):
                raise ValueError("train.best_by: this model has no exact likelihood")
        for number, phase in enumerate(self.phases[:-1]):
            if phase.steps is None:
                raise ValueError(f"phases.{number}.steps: a phase before the last needs an end")
        before = sum(phase.steps or 0 for phase in self.phases[:-1])
        if before >= train.steps:
            raise ValueError(
                f"train.steps ({train.steps}) ends before the last phase begins, at step {before}"
            )
        return self._names_networks(autoencoder)

    def _reads_what_there_is(self) -> None:
        given = GIVEN[self.data.reads]
        if self.codec.reads != self.data.reads:
            raise ValueError(
                f"data.source {self.data.source!r} wants codec.kind {CODEC[self.data.reads]}"
            )
        kind, steps = self.model.kind, self.codec.steps
        if steps not in WRITTEN[kind]:
            wanted = [given[other] for other in WRITTEN[kind] if other in given]
            raise ValueError(
                f"model.kind {kind!r} wants {' or '.join(wanted)}"
                if wanted
                else f"model.kind {kind!r} does not write {self.data.reads}"
            )
        if isinstance(self.model, RecurrentGanRecipe):
            head, tokens = self.model.generator.head.kind, steps == "tokens"
            if (head == "categorical") != tokens:
                wanted_head = "categorical" if tokens else "continuous, bernoulli or logistic"
                raise ValueError(f"model.generator.head.kind: {given[steps]} wants {wanted_head}")
            if tokens and not self.model.generator.feedback:
                raise ValueError("model.generator.feedback: tokens want true")
            if isinstance(self.codec, AudioCodecRecipe) and self.codec.group > 1:
                self._has_groups_of_tokens(self.model)
        if isinstance(self.codec, TextCodecRecipe):
            numbers = self.codec.tokenizer == "numbers"
            if numbers != (self.data.source == "oracle"):
                raise ValueError(
                    "codec.tokenizer: numbers is for data.source 'oracle', and only it"
                )
            if self.codec.vocabulary is None and self.codec.tokenizer != "char":
                raise ValueError("codec.vocabulary: only char can do without a number")

    def _has_groups_of_tokens(self, model: RecurrentGanRecipe) -> None:
        if any(objective.kind == "policy" for objective in self.objectives):
            raise ValueError(
                "codec.representation.hop: objective.kind 'policy' wants one token a step"
            )
        if getattr(model.generator.head, "tied", False):
            raise ValueError("model.generator.head.tied: only where a step is one token")

    def _has_policy(self) -> None:
        generator = getattr(self.model, "generator", None)
        if generator is None or generator.head.kind != "categorical":
            raise ValueError(
                "objective.kind 'policy' wants model.generator.head.kind 'categorical'"
            )
        if generator.noise_size + generator.step_noise_size:
            raise ValueError(
                "model.generator: under 'policy' the draw of the steps is the only randomness: "
                "set noise_size and step_noise_size to 0"
            )

    def _has_likelihood(self, alone: bool) -> None:
        if not isinstance(self.model, RecurrentGanRecipe):
            raise ValueError(
                f"objective.kind 'likelihood' wants a recurrent generator, not {self.model.kind!r}"
            )
        generator = self.model.generator
        if generator.head.kind == "continuous":
            raise ValueError(
                "model.generator.head.kind: a likelihood wants bernoulli, logistic or categorical"
            )
        if not generator.feedback:
            raise ValueError(
                "model.generator.feedback: a likelihood wants true, so that a step reads the one "
                "before it"
            )
        if alone and generator.noise_size + generator.step_noise_size:
            raise ValueError(
                "model.generator: under a likelihood alone noise is zero: set noise_size and "
                "step_noise_size to 0"
            )

    def _names_networks(self, autoencoder: bool) -> Recipe:
        networks = {"autoencoder"} if autoencoder else {"generator", "discriminator"}
        for network in self.train.learning_rates:
            if network not in networks:
                raise ValueError(
                    f"train.learning_rates names {network!r}; the networks are "
                    + ", ".join(sorted(networks))
                )
        return self
