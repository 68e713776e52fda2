"""How much a reference that a model reads by itself counts, where and when. A value that never changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..inputs import check_number
from ..models.families import BlockKey
from ..models.kinds import REFERENCES
from ..weights.reference_text import LATENT, REDUX
from ..weights.schedule import WHOLE
from .effect import Effect

SOURCES = {LATENT: "reference", REDUX: "Redux picture"}


@dataclass(frozen=True, eq=False, kw_only=True)
class ReferenceWeight(Effect):
    """The keys of a reference count 1 + share * (weight * mask - 1) times in the softmax of text and canvas.

    The weight is scale * schedule * frame_scales, and 0 outside the range. At 1 the model is as it is; at 0 the
    reference is not there. `number` is its place in the conditioning, from 1. `blocks` are the blocks of the model,
    which all do the same.
    """

    blocks: tuple[BlockKey, ...]
    number: int
    source: str = LATENT
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.share, "factor")
        points = self.schedule.points if self.schedule else ()
        for name, numbers in (
            ("weight", (self.scale,)),
            ("schedule", tuple(factor for _, factor in points)),
            ("a picture's weight", self.frame_scales),
        ):
            if min(numbers, default=0.0) < 0:
                raise ValueError(
                    f"{name} of {self.title} is {min(numbers):g}; it must be 0 or more: it says how often the reference "
                    "counts beside text and canvas."
                )
        if self.number < 1:
            raise ValueError(f"references are numbered from 1, found {self.number}.")

    @property
    def title(self) -> str:
        return f"{SOURCES[self.source]} {self.number}"

    @property
    def kind(self) -> str:
        return REFERENCES.name

    @property
    def all_blocks(self) -> tuple[BlockKey, ...]:
        return self.blocks

    @property
    def outside(self) -> float:
        return 0.0

    @property
    def has_plain_mask(self) -> bool:
        """Whether its mask, if there is one, is 1 everywhere."""
        return self.attn_mask is None or bool((self.attn_mask == 1).all())

    def part_of(self, weight: float) -> float:
        """A weight as far as it is to be had: between it and 1, which is the plain model; never below 0."""
        return weight if self.share == 1 else max(1 + self.share * (weight - 1), 0.0)

    def part_of_each(self, weights: Tensor) -> Tensor:
        """`part_of` for each of several."""
        return weights if self.share == 1 else torch.clamp(1 + self.share * (weights - 1), min=0)

    def acts_with(self, factor: float) -> bool:
        weights = {self.scale * factor * frame for frame in self.frame_scales or (1.0,)}
        return bool(self.share) and (weights != {1.0} or not self.has_plain_mask)

    @property
    def ever_acts(self) -> bool:
        factors = {factor for _, factor in self.schedule.points} if self.schedule else {1.0}
        if self.range != WHOLE:
            factors.add(self.outside)
        return any(self.acts_with(factor) for factor in factors)

    def weight_in(self, block: BlockKey, factor: float) -> float:
        return self.part_of(self.scale * factor)

    @property
    def weight(self) -> float:
        return self.part_of(self.scale)

    def scaled(self, factor: float) -> ReferenceWeight:
        return replace(self, share=self.share * factor)

    @property
    def order(self) -> str:
        settings = (*self.settings, self.number, self.source, self.share)
        return hashlib.blake2b(repr(settings).encode(), digest_size=16).hexdigest()
