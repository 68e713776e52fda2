"""Keeps what branches do in a transformer block out of what the host records of the block, to run it again later.

Newer hosts record a block's allocations and graphs for the next step. What a branch does there differs from step to step,
and its tensors outlive the block.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

Pause = Callable[[], AbstractContextManager[Any]]


def pause_of(host: Any) -> Pause:
    """What a host's module for this pauses its recording with; nothing where it has none."""
    return getattr(host, "pause_malloc_graph", nullcontext)


try:
    import comfy.model_prefetch as _host
except ImportError:  # a host that keeps it elsewhere, or records nothing
    unrecorded: Pause = nullcontext
else:
    unrecorded = pause_of(_host)
