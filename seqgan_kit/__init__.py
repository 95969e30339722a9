"""seqgan_kit: sequences from recurrent conditional GANs.

>>> import seqgan_kit
>>> model = seqgan_kit.train("digits_rows", out="runs/digits")  # doctest: +SKIP
>>> model.sample(label=7, count=16).save("sevens.png")  # doctest: +SKIP

``load`` opens a trained run, ``evaluate`` and ``compare`` measure, ``plot`` shows curves,
``resume`` goes on. Networks,
objectives and the training loop are in :mod:`seqgan_kit.nn`, :mod:`~seqgan_kit.models`,
:mod:`~seqgan_kit.objectives` and :mod:`~seqgan_kit.training`; the command is ``seqgen``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .auditing.audit import audit as audit
    from .front import compare as compare
    from .front import evaluate as evaluate
    from .front import plot as plot
    from .front import resume as resume
    from .front import train as train
    from .recipe import Recipe as Recipe
    from .runs.loading import load as load
    from .runs.sampler import Sampler as Sampler
    from .runs.samples import Samples as Samples
    from .runs.steering import Steering as Steering
    from .training.trainer import Hook as Hook

__version__ = "0.1.0"

_PLACES = {
    "Hook": "training.trainer",
    "Recipe": "recipe",
    "Sampler": "runs.sampler",
    "Samples": "runs.samples",
    "Steering": "runs.steering",
    "audit": "auditing.audit",
    "compare": "front",
    "evaluate": "front",
    "load": "runs.loading",
    "plot": "front",
    "resume": "front",
    "train": "front",
}
__all__ = [
    "Hook",
    "Recipe",
    "Sampler",
    "Samples",
    "Steering",
    "__version__",
    "audit",
    "compare",
    "evaluate",
    "load",
    "plot",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    # On demand, so that `import seqgan_kit` and `seqgen --help` do not import torch.
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
