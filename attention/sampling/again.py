"""Whether a node samples several times in one execution, as nodes that work on tiles or crops do."""

from __future__ import annotations

from typing import Any

try:
    from comfy_execution.utils import get_executing_context
except ImportError:  # a host that does not say which node runs: a hint about masks is then not given

    def get_executing_context() -> Any:
        return None


_last: Any = None
"""The host's names of the prompt and node that sampled last."""


def samples_again() -> bool:
    """Whether the node that samples now is the one that sampled last, in the same execution; never outside a prompt."""
    global _last
    now = get_executing_context()
    again = now is not None and now == _last
    _last = now
    return again
