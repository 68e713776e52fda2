"""Keeps what torch.compile makes of steered calls of a model apart from what it makes of others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from comfy.patcher_extension import WrappersMP
from comfy_api.torch_helpers.torch_compile import COMPILE_KEY
from torch.overrides import BaseTorchFunctionMode


class _Steered(BaseTorchFunctionMode):
    """Changes nothing, but code that was compiled under other modes is not reused under this one.

    The host's compile node drops every guard on options, so torch.compile cannot see that patches have come or
    gone: a plain graph would serve a steered call, and the branches would be missing without an error.
    """


def is_compiled(options: Mapping[str, Any]) -> bool:
    """Whether the call with these options runs a model that a compile node has wrapped."""
    return COMPILE_KEY in options.get("wrappers", {}).get(WrappersMP.APPLY_MODEL, {})


def own_graphs(options: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """Around a steered call: its graphs, when the model is compiled, serve steered calls only."""
    return _Steered() if is_compiled(options) else nullcontext()
