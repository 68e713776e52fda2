"""Keeps what torch.compile makes of steered calls of a model apart from what it makes of others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from comfy.patcher_extension import WrappersMP
from torch.overrides import BaseTorchFunctionMode


@cache
def _compile_key() -> str | None:
    """The host's name of its compile node's wrapper; None on a host that keeps it elsewhere, which is said once."""
    try:
        from comfy_api.torch_helpers.torch_compile import COMPILE_KEY
    except ImportError as error:
        # As text: who keeps the record of an error keeps the run that it came up in.
        logging.warning("likeness: compiled models are not recognised on this ComfyUI: %s", str(error))
        return None
    return COMPILE_KEY


class _Steered(BaseTorchFunctionMode):
    """Changes nothing, but code that was compiled under other modes is not reused under this one.

    The host's compile node drops every guard on options, so torch.compile cannot see that patches have come or
    gone: a plain graph would serve a steered call, and the branches would be missing without an error.
    """


def is_compiled(options: Mapping[str, Any]) -> bool:
    """Whether the call with these options runs a model that a compile node has wrapped."""
    key = _compile_key()
    return key is not None and key in options.get("wrappers", {}).get(WrappersMP.APPLY_MODEL, {})


@cache
def _steered_by(kinds: frozenset[str]) -> type[_Steered]:
    """A mode of its own for calls that these kinds of branches steer."""
    return type("_".join(("Steered", *sorted(kinds))), (_Steered,), {})


def own_graphs(options: Mapping[str, Any], kinds: frozenset[str]) -> AbstractContextManager[Any]:
    """Around a call that these kinds of branches steer: its graphs, when the model is compiled, serve such calls only."""
    return _steered_by(kinds)() if is_compiled(options) else nullcontext()
