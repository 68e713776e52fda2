"""An error of work on a device -> whether its memory was full, and that as the host's own error.

Whoever catches whatever goes wrong there asks here first. A full memory says nothing about the work: the host makes room
and tells the user, which it cannot where somebody has taken it for a fault of another kind.
"""

from __future__ import annotations

import comfy.model_management

_SAID = "out of memory"
"""By CUDA's runtime and driver, with whom Triton and ONNX Runtime speak past PyTorch."""


def is_full(error: BaseException) -> bool:
    """Whether a device's memory ran out, whoever says so."""
    return bool(comfy.model_management.is_oom(error)) or (
        isinstance(error, RuntimeError) and _SAID in str(error).lower()
    )


def raise_if_full(error: Exception) -> None:
    """Raise the host's own error where memory ran out; return for every other error."""
    if not is_full(error):
        return
    own = comfy.model_management.OOM_EXCEPTION
    if isinstance(error, own):
        raise error
    raise own(str(error)) from error
