"""The fused branch: one kernel instead of one attention for the text and one for every branch, where it can run.

Off unless the environment says `LIKENESS_FUSED=1`: it agrees with the host's attention under Triton's interpreter, but
has never been run or timed on a GPU.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

from .layer import BranchInLayer
from .tokens import Tokens

SWITCH = "LIKENESS_FUSED"
MOST_SEGMENTS = 8
WIDEST_HEAD = 256
OLDEST = (8, 0)
"""Compute capability. Before it there are no tensor cores for bf16, and half as much fast memory for the tiles."""


@dataclass(frozen=True)
class Packed:
    """Keys and values of all segments in one tensor each (G, T, H * d); segment s is bounds[s]..bounds[s + 1]."""

    key: Tensor
    value: Tensor
    bounds: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return self.key.nbytes + self.value.nbytes


@dataclass(frozen=True)
class Segment:
    """How one branch's attention is added: factor * mask * Attn(q, keys * K, V), `mask` (rows or 1, N, 1) or None."""

    keys: float
    factor: float
    mask: Tensor | None


def kernel_for(q: Tensor, heads: int) -> ModuleType | None:
    """The kernel's module where it is switched on and can take queries like `q`; None everywhere else."""
    if os.environ.get(SWITCH, "0") != "1" or q.shape[-1] // heads > WIDEST_HEAD:
        return None
    kernel = _kernel()
    if kernel is None:
        return None
    # The interpreter is for tests, on the CPU. On a GPU products in float32 without tensor cores gain nothing.
    runs = kernel.interpreted() if q.device.type == "cpu" else q.element_size() == 2 and _new_enough(q.device)
    return kernel if runs else None


@cache
def _new_enough(device: torch.device) -> bool:
    """Whether it is an NVIDIA GPU of a kind that the kernel is written for."""
    if device.type != "cuda" or torch.version.hip is not None:
        return False
    if torch.cuda.get_device_capability(device) >= OLDEST:
        return True
    logging.warning("Likeness: the fused kernel needs compute capability %d.%d or newer. It stays off.", *OLDEST)
    return False


@cache
def _kernel() -> ModuleType | None:
    """Triton comes with PyTorch on Linux only, and starts slowly: it is imported when somebody has switched it on."""
    try:
        from . import fused_kernel
    except ImportError as error:
        logging.warning("Likeness: %s=1, but the fused kernel needs Triton (%s). It stays off.", SWITCH, str(error))
        return None
    return fused_kernel


def packed(pairs: Sequence[Tokens]) -> Packed:
    """Segments one after another; those that fewer groups share are repeated to the finest grouping."""
    groups = max(len(pair.key) for pair in pairs)

    def together(part: Callable[[Tokens], Tensor]) -> Tensor:
        tensors = [part(pair) for pair in pairs]
        return torch.cat([t.repeat_interleave(groups // len(t), 0) for t in tensors], 1).contiguous()

    bounds = [0]
    for pair in pairs:
        bounds.append(bounds[-1] + pair.key.shape[1])
    return Packed(together(lambda pair: pair.key), together(lambda pair: pair.value), tuple(bounds))


@dataclass(frozen=True, eq=False)
class FusedLayer:
    """The text's attention and every branch of one layer of `heads` heads in one launch of the kernel."""

    kernel: ModuleType
    heads: int
    image: Packed
    segments: tuple[Segment, ...]

    @classmethod
    def of(
        cls, branches: Sequence[BranchInLayer], q: Tensor, heads: int, pack: Callable[[], Packed]
    ) -> FusedLayer | None:
        """The layer for queries like `q`, None where the kernel is off or a branch needs more than it does."""
        kernel = kernel_for(q, heads)
        if kernel is None or not 0 < len(branches) <= MOST_SEGMENTS:
            return None
        if not all(one.branch.attachment.is_plain for one in branches):
            return None
        return cls(kernel, heads, pack(), tuple(_segment(one) for one in branches))

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Text attention of q (rows, N, H * d) to k and v (rows, L, H * d), plus every segment's; each has its own softmax."""
        masks = [segment.mask for segment in self.segments if segment.mask is not None]
        numbers = iter(range(len(masks)))
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        try:
            self.kernel.launch(
                q.contiguous(),
                (k.contiguous(), v.contiguous()),
                (self.image.key, self.image.value),
                torch.stack([mask.expand(len(q), -1, -1)[..., 0] for mask in masks]) if masks else q,
                out,
                self.heads,
                self.image.bounds,
                tuple(segment.keys for segment in self.segments),
                tuple(segment.factor for segment in self.segments),
                tuple(-1 if segment.mask is None else next(numbers) for segment in self.segments),
            )
        except self.kernel.TritonError as error:
            raise RuntimeError(
                f"the fused kernel cannot run here: {error}. Unset {SWITCH} and start ComfyUI again; it then uses its own "
                "attention."
            ) from error
        return out


def _segment(one: BranchInLayer) -> Segment:
    keys, factor = one.scaled.keys, one.scaled.output
    assert not isinstance(keys, Tensor) and not isinstance(factor, Tensor)  # as plain branches have them
    return Segment(keys, factor, one.mask)
