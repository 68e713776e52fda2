"""Networks -> the same networks while their blocks are compiled."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from comfy.ldm.modules.attention import FeedForward
from comfy.ldm.modules.diffusionmodules.openaimodel import ResBlock
from torch import nn

_PARTS: tuple[tuple[type[nn.Module], str], ...] = ((ResBlock, "_forward"), (FeedForward, "forward"))
"""What is compiled: chains of small operations without the patches of a call, which would be compiled once for each layer."""
_SHAPES = 64  # of blocks of one kind, each compiled by itself


@contextmanager
def compiled(networks: Iterable[nn.Module], wanted: bool) -> Generator[None]:
    """Within it blocks are compiled when they first run, if it is wanted: minutes before the first step, faster after it."""
    if not wanted:
        yield
        return
    changed: list[tuple[nn.Module, str]] = []
    config: Any = importlib.import_module("torch._dynamo").config  # takes long to import
    try:
        with config.patch(recompile_limit=_SHAPES, accumulated_recompile_limit=8 * _SHAPES):
            for kind, name in _PARTS:
                function = torch.compile(getattr(kind, name), dynamic=False)
                for module in (module for net in networks for module in net.modules() if isinstance(module, kind)):
                    setattr(module, name, partial(function, module))
                    changed.append((module, name))
            yield
    finally:
        for module, name in changed:
            delattr(module, name)  # the class's own is behind it
