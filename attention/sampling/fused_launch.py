"""How the fused kernel is launched: tile sizes for the shapes of a layer, and arguments that are ready before it is called.

Import it only where Triton is installed. `bench/kernel.py` measures what is chosen here, and other choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from .fused_kernel import fused, interpreted

LOG2E = 1.4426950408889634
"""The kernel's exponents are of 2."""
TINY = 1e-30
"""Logits are scaled by this where the scale is 0: minus infinity times 0 is no number."""


class Part(Protocol):
    """What a segment is: see `fused.Segment`."""

    key: Tensor
    value: Tensor
    keys: float
    factor: float
    mask: Tensor | None


@dataclass(frozen=True)
class Config:
    """How many queries make a tile, tiles to a program, warps to a program, stages of the pipeline, tokens of a main piece.

    `registers` is the most of a thread, 0 for as many as it takes.
    """

    queries: int = 64
    tiles: int = 1
    warps: int = 4
    stages: int = 2
    main: int = 64
    registers: int = 0


FEW = Config()
SOME = Config(tiles=4, stages=3)
MANY = Config(tiles=8, stages=3)
"""The fastest of those that were tried on an H100 (`bench/README.md`), by how many tiles each multiprocessor gets."""
HELD = 40 << 10
"""Bytes of keys and values that stay: more would not fit the fast memory of every GPU beside the queries."""


def config_for(q: Tensor, counts: Sequence[int], heads: int) -> Config:
    """The fastest for queries like `q` (rows, N, H * d) and segments of so many tokens."""
    rows, queries, channels = q.shape
    split = [_split(count, FEW.main) for count in counts]
    held = 2 * q.element_size() * sum(_widths(channels // heads)) * sum(n * main + rest for n, main, rest in split)
    if held > HELD or any(n > 1 for n, _, _ in split):
        return FEW
    each = -(-queries // FEW.queries) * rows * heads / _multiprocessors(q.device)
    return FEW if each < 6 else SOME if each < 60 else MANY


def _multiprocessors(device: torch.device) -> int:
    """Of a GPU; the interpreter passes for a small one."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


def _power(count: int) -> int:
    """The smallest power of two that is not less."""
    return 1 << (count - 1).bit_length()


def _tile(count: int) -> int:
    return max(16, _power(count))


def _split(tokens: int, main: int) -> tuple[int, int, int]:
    """How many main pieces of at most so many tokens each, and the tile that holds the rest (0 for none)."""
    main = min(main, max(16, _power(tokens + 1) // 2))
    full, rest = divmod(tokens, main)
    if full == 0 or full == 1 and rest and main + _tile(rest) >= 2 * main:
        return 1, _tile(tokens), 0  # one tile holds them
    return full, main, _tile(rest) if rest else 0


def _widths(width: int) -> tuple[int, int]:
    """A wide and a narrow tile (0 for none) that hold a head."""
    wide = max(16, _power(width + 1) // 2)
    return (wide, 0) if wide >= width else (wide, _tile(width - wide))


ALIGNED = 16
"""Bytes. Triton compiles anew for tensors that begin elsewhere."""
_compiled: dict[tuple[Any, ...], Any] = {}
"""What Triton has compiled, by everything that it looks at: finding it again by itself takes longer than the launch."""


class Launch:
    """A launch whose arguments are ready but for the queries, the text and the output, all contiguous."""

    def __init__(self, q: Tensor, text_tokens: int, parts: Sequence[Part], heads: int, config: Config | None) -> None:
        rows, queries, channels = q.shape
        width = channels // heads
        counts = (text_tokens, *(part.key.shape[1] for part in parts))
        config = config or config_for(q, counts, heads)
        scale = width**-0.5 * LOG2E
        self._keys = tuple(part.key for part in parts)
        self._values = tuple(part.value for part in parts)
        self._masks = tuple(part.mask for part in parts)
        numbers = (
            tuple(0 if mask is None or len(mask) == 1 else queries for mask in (None, *self._masks)),
            (1, *(rows // len(key) for key in self._keys)),
            (scale, *(max(scale * abs(part.keys), TINY) for part in parts)),
            (1.0, *(float(part.factor) for part in parts)),
            queries,
            heads,
        )
        structure = (
            counts,
            *zip(*(_split(count, config.main) for count in counts), strict=True),
            tuple(mask is not None for mask in (None, *self._masks)),
            (False, *(part.keys < 0 for part in parts)),
            width,
            *_widths(width),
            config.queries,
            config.tiles,
            config.stages,
            # The interpreter's product of bfloat16 is wrong; on a GPU it is native.
            interpreted() and q.dtype == torch.bfloat16,
        )
        self._given = (*numbers, *structure)
        self._grid = (-(-queries // (config.queries * config.tiles)), rows * heads, 1)
        self._options = {"num_warps": config.warps, "num_stages": config.stages}
        if config.registers:
            self._options["maxnreg"] = config.registers
        tensors = (*self._keys, *self._values, *(mask for mask in self._masks if mask is not None))
        seen = (numbers[:2], numbers[4:], structure, config, q.dtype, q.device)
        self._key = None if any(tensor.data_ptr() % ALIGNED for tensor in tensors) else seen

    def _all(self, q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> tuple[Any, ...]:
        masks = (q, *(q if mask is None else mask for mask in self._masks))
        return (q, out, (k, *self._keys), (v, *self._values), masks, *self._given)

    def compile(self, q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> Any:
        """What Triton compiles for tensors like these, which may be on the meta device; launches nothing."""
        return fused.warmup(*self._all(q, k, v, out), grid=self._grid, **self._options)

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> Any:
        """Write the answer to `out`; returns what Triton compiled."""
        given = self._all(q, k, v, out)
        aligned = not (q.data_ptr() | k.data_ptr() | v.data_ptr() | out.data_ptr()) % ALIGNED
        found = _compiled.get(self._key) if aligned and self._key else None
        if found is not None:
            found[self._grid](*given)
            return found
        found = fused[self._grid](*given, **self._options)
        if aligned and self._key and hasattr(found, "function"):
            _compiled[self._key] = found
        return found


def prepared(q: Tensor, text_tokens: int, parts: Sequence[Part], heads: int, config: Config | None = None) -> Launch:
    """The launch for queries like `q` (rows, N, H * d) and a text of so many tokens."""
    return Launch(q, text_tokens, parts, heads, config)


__all__ = ["Config", "Launch", "interpreted", "prepared"]
