"""One adapter's branch on one model: what it adds, where, when and how much. A value that never changes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from .adapter import KeyValues
from .layers import BlockKey
from .memo import digest


@dataclass(frozen=True, eq=False)
class Attachment:
    """A branch: scale * Attn(q, K, V) * mask, added in the layers of `positive`.

    `positive` and `negative` are the keys and values of the reference and of its unconditional half, of the
    same layers. `scale` is the factor of the formula, `layer_scales` multiplies it in single layers (1 where
    absent). It acts while start_percent <= progress of sampling <= end_percent, 0..1. `attn_mask` (B, H, W),
    0..1, says where; mask i is for picture i of the batch, the last one for all that follow.
    """

    positive: KeyValues
    negative: KeyValues
    scale: float = 1.0
    layer_scales: Mapping[BlockKey, float] = field(default_factory=dict[BlockKey, float])
    start_percent: float = 0.0
    end_percent: float = 1.0
    attn_mask: Tensor | None = None
    label: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale):
            raise ValueError(f"weight is {self.scale}; it must be a number.")
        if not 0 <= self.start_percent <= self.end_percent <= 1:
            raise ValueError(
                f"start_percent {self.start_percent} and end_percent {self.end_percent} must lie between 0 and 1, "
                "the start not after the end."
            )

    def scale_in(self, block: BlockKey) -> float:
        """The factor in one layer; 0 where the branch has no such layer."""
        if block not in self.positive.layers:
            return 0.0
        return self.scale * self.layer_scales.get(block, 1.0)

    @cached_property
    def ever_acts(self) -> bool:
        """Whether it can change anything at all."""
        masked_out = self.attn_mask is not None and not bool(self.attn_mask.any())
        return not masked_out and bool(self.blocks)

    @cached_property
    def blocks(self) -> tuple[BlockKey, ...]:
        """The layers in which it adds something."""
        return tuple(block for block in self.positive.layers if self.scale_in(block))

    @property
    def always_on(self) -> bool:
        return self.start_percent == 0.0 and self.end_percent == 1.0

    @cached_property
    def order(self) -> str:
        """A hash of all it consists of: branches are summed in this order, whatever order they were added in.

        Sums of floating point numbers depend on their order; two branches of equal hash are equal.
        """
        parts = (
            self.positive.digest,
            self.negative.digest,
            repr((self.scale, sorted(self.layer_scales.items()), self.start_percent, self.end_percent)),
            "" if self.attn_mask is None else digest(self.attn_mask),
        )
        return hashlib.blake2b("|".join(parts).encode(), digest_size=16).hexdigest()
