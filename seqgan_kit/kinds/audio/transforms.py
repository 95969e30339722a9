"""The functions of torchaudio, imported when sound is there to be transformed."""

from __future__ import annotations

from typing import Any

from ...errors import UsageError


def functional() -> Any:
    """Return ``torchaudio.functional``.

    Raises:
        UsageError: torchaudio cannot be imported: it is not there, or made for another torch.
    """
    try:
        # Imported late, because only sound needs it.
        from torchaudio import functional as found
    except (ImportError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(
            f"sound requires torchaudio, which cannot be imported ({reason:.200}); it must be "
            "built for the same CUDA as torch: `seqgen doctor` says which to install"
        ) from error
    return found
