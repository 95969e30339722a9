"""seqgan_kit: sequences from recurrent conditional GANs.

``seqgan_kit.load("runs/mnist_rows").sample(label=7, count=16, seed=0)`` samples a trained run;
everything else is a recipe and the ``seqgen`` command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runs.loading import load as load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    # On demand, so that `import seqgan_kit` and `seqgen --help` do not import torch.
    if name == "load":
        from .runs.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
