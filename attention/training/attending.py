"""Queries, keys and values -> attention by a fused kernel that has a backward pass, whichever one the host draws with."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import partial
from typing import Any

import comfy.ldm.modules.attention as host
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

_ORDERS = {
    True: [
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        SDPBackend.MATH,
    ],
    False: [
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.MATH,
    ],
}
"""Whether cuDNN's kernels come first -> the order in which kernels are asked for."""


_ORDERED = {"set_priority": True} if "set_priority" in inspect.signature(sdpa_kernel).parameters else {}
"""Older versions of torch choose among kernels by themselves."""


class Attending:
    """Computes attention by the first kernel of an order that takes it."""

    def __init__(self, cudnn: bool) -> None:
        self._order = _ORDERS[cudnn]

    def attend(self, q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        """Attention of tensors (B, N, C), (B, M, C) and (B, M, C)."""
        rows, _, width = q.shape
        query, key, value = (each.view(rows, -1, heads, width // heads).transpose(1, 2) for each in (q, k, v))
        with sdpa_kernel(self._order, **_ORDERED):
            made = torch.nn.functional.scaled_dot_product_attention(query, key, value)
        return made.transpose(1, 2).reshape(rows, -1, width)

    def override(self, _function: Any, q: Tensor, k: Tensor, v: Tensor, heads: int, *more: Any, **named: Any) -> Tensor:
        """In place of the host's choice, with its arguments."""
        if more or named.get("mask") is not None or named.get("skip_reshape") or named.get("skip_output_reshape"):
            return host.attention_pytorch(q, k, v, heads, *more, **named)
        return self.attend(q, k, v, heads)


@contextmanager
def attended(networks: Iterable[nn.Module], attending: Attending | None) -> Generator[None]:
    """Within it attention is computed by `attending` everywhere, if one is given.

    Not by a call's options alone: a ControlNet hands none on to its layers.
    """
    if attending is None:
        yield
        return
    layers = [layer for net in networks for layer in net.modules() if isinstance(layer, host.CrossAttention)]
    try:
        for layer in layers:
            layer.forward = partial(_overridden, layer.forward, attending)
        yield
    finally:
        for layer in layers:
            del layer.forward  # the class's own is behind it


def _overridden(forward: Any, attending: Attending, *args: Any, **kwargs: Any) -> Tensor:
    options = {**(kwargs.pop("transformer_options", None) or {}), "optimized_attention_override": attending.override}
    return forward(*args, transformer_options=options, **kwargs)
