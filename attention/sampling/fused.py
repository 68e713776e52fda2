"""The fused branch: one kernel instead of one attention for the text and one for every branch, where it can run.

`LIKENESS_FUSED=0` switches it off. Where it does not serve, ComfyUI's own attention does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cache
from threading import Event
from types import ModuleType

import torch
from torch import Tensor

from ..memory_full import raise_if_full
from .layer import BranchInLayer

SWITCH = "LIKENESS_FUSED"
UNLESS_TOLD = "on"
MOST_SEGMENTS = 8
WIDEST_HEAD = 160
"""Channels, as in SD1.5. Wider ones would not fit the fast memory of most GPUs."""
OLDEST = (8, 0)
"""Compute capability. Before it there are no tensor cores for bf16, and half as much fast memory for the tiles."""


_failed = Event()
"""Set when the kernel could not be compiled or launched: it is not tried again in this process."""


@dataclass(frozen=True, eq=False)
class Segment:
    """One branch's part: factor * mask * Attn(q, keys * K, V) of keys and values (G, T, H * d), contiguous.

    Each of the G groups belongs to as many consecutive rows. `mask` (rows or 1, N, 1) is of the kind of `q`, or None.
    """

    key: Tensor
    value: Tensor
    keys: float
    factor: float
    mask: Tensor | None

    @classmethod
    def of(cls, one: BranchInLayer) -> Segment:
        keys, factor = one.scaled.keys, one.scaled.output
        assert not isinstance(keys, Tensor) and not isinstance(factor, Tensor)  # as plain branches have them
        mask = None if one.mask is None else one.mask.contiguous()
        return cls(one.tokens.key.contiguous(), one.tokens.value.contiguous(), keys, factor, mask)


def kernel_for(q: Tensor, heads: int) -> ModuleType | None:
    """The kernel's module where it can take queries like `q`; None everywhere else, and where it is switched off."""
    asked = os.environ.get(SWITCH, UNLESS_TOLD)
    if _failed.is_set() or asked == "0" or q.shape[-1] // heads > WIDEST_HEAD:
        return None
    if q.device.type == "cpu":  # Triton's interpreter, for tests
        kernel = _kernel() if asked == "1" else None
        return kernel if kernel is not None and kernel.interpreted() else None
    # Products in float32 without tensor cores gain nothing.
    return _kernel() if q.element_size() == 2 and q.is_floating_point() and _new_enough(q.device) else None


@cache
def _new_enough(device: torch.device) -> bool:
    """Whether it is an NVIDIA GPU of a kind that the kernel is written for."""
    if device.type != "cuda" or torch.version.hip is not None:
        return False
    if torch.cuda.get_device_capability(device) >= OLDEST:
        return True
    _say("the fused kernel needs compute capability %d.%d or newer", *OLDEST)
    return False


@cache
def _kernel() -> ModuleType | None:
    """Triton comes with PyTorch on Linux only, and starts slowly: it is imported when a layer could use it."""
    try:
        from . import fused_launch
    except Exception as error:  # noqa: BLE001  one that does not fit the driver or PyTorch fails in many ways
        _say("the fused kernel needs Triton (%s: %s)", type(error).__name__, str(error))
        return None
    return fused_launch


def _say(what: str, *given: object) -> None:
    """Why it stays off: a warning for whoever has asked for it, a remark for all others."""
    level = logging.WARNING if os.environ.get(SWITCH) == "1" else logging.INFO
    logging.log(level, f"Likeness: {what}. ComfyUI's own attention is used.", *given)


Launch = Callable[[Tensor, Tensor, Tensor, Tensor], None]
"""Writes the answer to queries, the text's keys and its values to the last of the four."""


@dataclass(frozen=True, eq=False)
class FusedLayer:
    """The text's attention and every branch of one layer of `heads` heads in one launch of the kernel.

    What a launch needs beside the queries and the text is put together for the first call of a shape.
    """

    kernel: ModuleType
    heads: int
    segments: tuple[Segment, ...]
    launches: dict[Hashable, Launch] = field(default_factory=dict[Hashable, Launch])

    @classmethod
    def of(cls, branches: Sequence[BranchInLayer], q: Tensor, heads: int) -> FusedLayer | None:
        """The layer for queries like `q`, None where the kernel is off or a branch needs more than it does."""
        kernel = kernel_for(q, heads)
        if kernel is None or not 0 < len(branches) <= MOST_SEGMENTS:
            return None
        if not all(one.branch.attachment.is_plain for one in branches):
            return None
        return cls(kernel, heads, tuple(Segment.of(one) for one in branches))

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor | None:
        """Text attention of q (rows, N, H * d) to k and v (rows, L, H * d), plus every segment's; each has its own softmax.

        None where the kernel does not serve: a gradient is asked for, or it could not be compiled or launched. In the
        latter case it is off from then on. Raises the host's own error where memory ran out, which is no fault of it.
        """
        if _failed.is_set() or (torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v))):
            return None
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        try:
            with torch.cuda.device_of(q):
                launch = self._launch(q, k)
                if launch is not None:
                    launch(q.contiguous(), k.contiguous(), v.contiguous(), out)
        except Exception as error:  # noqa: BLE001  a compiler, a driver or a library that is missing: of many kinds
            raise_if_full(error)
            _failed.set()
            logging.warning(
                "Likeness: the fused kernel cannot run here (%s: %s). From here on ComfyUI's own attention is used.",
                type(error).__name__,
                str(error),
            )
            return None
        return out if launch is not None else None

    def _launch(self, q: Tensor, k: Tensor) -> Launch | None:
        """The launch for tensors of these shapes; None where it would have to be compiled while a graph is recorded."""
        key = (q.shape, k.shape)
        found = self.launches.get(key)
        if found is None and not (q.is_cuda and torch.cuda.is_current_stream_capturing()):
            found = self.launches[key] = self.kernel.prepared(q, k.shape[1], self.segments, self.heads)
        return found
