"""How strongly the image branch that a model has by itself acts, where and when. A value that never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass, replace

from ..inputs import check_number
from ..models.families import BlockKey
from ..models.kinds import WAN
from .effect import Effect

Sides = tuple[float, float]
"""A weight for the rows of the prompt, and one for those of the negative prompt."""


@dataclass(frozen=True, eq=False)
class OwnBranch(Effect):
    """What the model's image branch gives is multiplied by 1 + share * mask * (weight - 1): weight 1 is the plain model.

    `blocks` are the blocks that have such a branch. `negative_scale` stands for `scale` in the rows of the negative
    prompt, None for the same. `frame_scales` are for frames of the latent, and mask i is for frame i of the video, the
    last for all that follow. `pictures` are the weights of the start and the end picture in the branch's softmax, where
    the model is shown both; they have no place, so they go with no mask. In `swapped` blocks the picture acts in the
    negative prompt's rows alone. `share` is how much of all this is done.
    """

    blocks: tuple[BlockKey, ...]
    negative_scale: float | None = None
    pictures: Sides = (1.0, 1.0)
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.share, "factor")
        if self.negative_scale is not None:
            check_number(self.negative_scale, "negative_weight")
        for name, number in zip(("start_image_weight", "end_image_weight"), self.pictures, strict=True):
            check_number(number, name)
            if number < 0:
                raise ValueError(f"{name} is {number:g}; it must be 0 or more.")
        if not any(self.pictures):
            raise ValueError(
                "start_image_weight and end_image_weight are both 0, and a softmax over nothing has no value. Set weight to "
                "0 instead."
            )
        if self.attn_mask is not None and self.tells_start_from_end:
            raise ValueError(
                "start_image_weight and end_image_weight act in the whole picture and cannot be limited by attn_mask. Disconnect "
                "the mask, or set both to 1."
            )

    @property
    def kind(self) -> str:
        return WAN.name

    @property
    def all_blocks(self) -> tuple[BlockKey, ...]:
        return self.blocks

    @property
    def tells_start_from_end(self) -> bool:
        return self.pictures[0] != self.pictures[1]

    def sides(self, block: BlockKey, factor: float) -> Sides:
        """The weights in one block where the schedule has this factor, without those of frames."""
        negative = self.scale if self.negative_scale is None else self.negative_scale
        times = self.layer_scales.get(block, 1.0) * factor
        return (0.0, self.scale * times) if block in self.swapped else (self.scale * times, negative * times)

    def weight_in(self, block: BlockKey, factor: float) -> float:
        positive, negative = self.sides(block, factor)
        return self.part_of(negative if block in self.swapped else positive)

    def part_of(self, weight: float) -> float:
        """A weight as far as it is to be had: between it and 1, which is the plain model."""
        return weight if self.share == 1 else 1 + self.share * (weight - 1)

    def is_plain_with(self, weights: Set[float]) -> bool:
        """Whether these weights, times those of the frames, leave the branch as it is."""
        return {weight * frame for weight in weights for frame in self.frame_scales or (1.0,)} == {1.0}

    @property
    def shares_of_pictures(self) -> Sides:
        """`pictures`, as far as they are to be had, and never below 0."""
        start, end = (max(self.part_of(weight), 0.0) for weight in self.pictures)
        return start, end

    def acts_with(self, factor: float) -> bool:
        weights = {side for block in self.blocks for side in self.sides(block, factor)}
        return bool(self.share) and (self.tells_start_from_end or not self.is_plain_with(weights))

    @property
    def ever_acts(self) -> bool:
        scheduled = self.schedule is not None and bool(self.share)
        return not self.masked_out and (scheduled or self.acts_with(1.0))

    @property
    def weight(self) -> float:
        return self.part_of(self.scale)

    def scaled(self, factor: float) -> OwnBranch:
        return replace(self, share=self.share * factor)

    @property
    def order(self) -> str:
        settings = (*self.settings, self.blocks, self.negative_scale, self.pictures, self.share)
        return hashlib.blake2b(repr(settings).encode(), digest_size=16).hexdigest()
