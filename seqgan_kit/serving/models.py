"""What requests ask for, and what answers hold: the schemas of the OpenAPI description."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..runs.asked import NOISE_SCALE

MOST = 1000
"""Most samples of one request, all labels together."""

LONGEST_WALK = 64
"""Most samples of a walk."""

LONGEST = 1000
"""Characters of a name."""

Name = Annotated[str, Field(max_length=LONGEST)]


class Ask(BaseModel):
    """What samples are asked for: the query of ``/sample``, and of a link to the page."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    run: Name = Field(description="Name of the run, as in /runs.")
    label: list[Name] = Field(
        default=[],
        max_length=100,
        description="Labels as `seqgen sample --label` takes them: 7, or 3,7, or digit=7 where "
        "there are several attributes; every label if absent.",
    )
    count: int = Field(
        default=1, ge=1, le=MOST, description=f"Samples of each label; at most {MOST} in all."
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="Seed of the noise. The first samples of a seed do not depend on the count.",
    )
    same_noise: bool = Field(default=False, description="The same noise under every label.")
    walk: Name | None = Field(
        default=None,
        description="A walk from one label to another, as 3..7 (any..any without labels), in "
        "place of a label; `count` is the number of walks.",
    )
    steps: int = Field(default=12, ge=2, le=LONGEST_WALK, description="Samples of a walk.")
    noise_scale: float | None = Field(
        default=None, ge=0, le=NOISE_SCALE.maximum, description="Factor of the noise."
    )
    temperature: float | None = Field(
        default=None, ge=0, le=1000, description="Below 1: more likely tokens, less variety."
    )
    top_k: int | None = Field(
        default=None, ge=1, lt=2**31, description="Draw from the K most likely tokens."
    )
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Draw from the most likely tokens, up to this total."
    )
    max_length: int | None = Field(
        default=None, ge=1, lt=2**31, description="Maximum number of tokens of a line."
    )
    guidance: float = Field(
        default=1.0, ge=0, le=100, description="Above 1: more of what the label makes probable."
    )


OPTIONS = ("noise_scale", "temperature", "top_k", "top_p", "max_length")
"""Fields of :class:`Ask` that only some kinds have, by the names of their options."""


class Drawn(BaseModel):
    """Samples as numbers or text, and the class of each of them by attribute."""

    run: str
    checkpoint: str
    seed: int
    labels: dict[str, list[str]]
    samples: list[Any]


class Attribute(BaseModel):
    """An attribute of the labels of a run."""

    name: str
    classes: list[str]
    numeric: bool


class Card(BaseModel):
    """What a run is, and what can be asked of it."""

    name: str
    kind: str
    data: str
    labels: list[Attribute]
    shown: int = Field(description="Samples of each label that the page shows at first.")
    options: list[str] = Field(description="Parameters of /sample that this kind of data has.")
    media: list[str] = Field(description="Media types that samples can be had as.")
    training: bool = Field(description="Whether its training can be watched.")


class Preview(BaseModel):
    """Samples that a training has drawn."""

    step: int
    media: str


class Training(BaseModel):
    """How far a training is, and its curves: points of step, seconds and value."""

    step: int
    progress: float | None = Field(description="Share of the training that is done, if known.")
    seconds: float
    quiet: float | None = Field(description="Seconds since something was logged.")
    preview: Preview | None
    curves: dict[str, list[list[float | None]]]


class Problem(BaseModel):
    """What is wrong, and what to do, in a sentence."""

    detail: str
