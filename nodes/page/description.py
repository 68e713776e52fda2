"""What a node says of itself, from its docstring."""

from __future__ import annotations

import inspect

from comfy_api.v0_0_2 import io


def described(node: type[io.ComfyNode]) -> str:
    """The docstring of a node as one line: Python 3.13 strips its indentation, earlier ones keep it."""
    return " ".join(inspect.cleandoc(node.__doc__ or "").split())
