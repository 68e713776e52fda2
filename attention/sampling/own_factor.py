"""What an image branch's attention is multiplied by: put together once for calls of one kind."""

from __future__ import annotations

from collections.abc import Hashable
from math import prod
from typing import cast

import torch
from torch import Tensor

from ..adapter.transfer import like
from ..branch.masks import factors as mask_factors
from ..branch.own import OwnBranch, Sides
from ..inputs import at
from ..models.families import BlockKey
from .acting import Acting
from .place import Place
from .rows import Rows
from .run import Run

Factor = float | Tensor
"""One number, or one for each row and token (rows or 1, N or 1, 1)."""


class OwnOnRows:
    """The settings that act in calls of one kind, on the rows and tokens of such calls."""

    def __init__(self, run: Run, acting: tuple[Acting, ...], rows: Rows, place: Place) -> None:
        self.run = run
        self.acting = acting
        self.place = place
        self.effects = tuple(cast(OwnBranch, run.branches[one.branch].attachment) for one in acting)
        self.polarities = tuple(chunk.polarity for chunk, _ in rows.listed())
        start, end = zip(*(effect.shares_of_pictures for effect in self.effects), strict=True)
        self.pictures: Sides = (prod(start), prod(end))
        if not any(self.pictures):
            raise ValueError(
                "on this model one node has set start_image_weight to 0 and another end_image_weight: no picture is left. "
                "Remove one of the nodes, or set weight to 0."
            )
        self._in_blocks: dict[BlockKey, tuple[tuple[Sides, ...], float | None]] = {}
        self._made: dict[Hashable, Factor] = {}

    def leaves(self, block: BlockKey) -> bool:
        """Whether a block is left as it is."""
        return self.pictures[0] == self.pictures[1] and self._in_block(block)[1] == 1

    def factor(self, block: BlockKey, q: Tensor) -> Factor | None:
        """The factor for the queries `q` (rows, N, D) of a block; None where it cannot be known which is which."""
        sides, number = self._in_block(block)
        self.run.have_acted(one.branch for one in self.acting)
        if number is not None:
            return number
        has_place = any(effect.attn_mask is not None or effect.frame_scales for effect in self.effects)
        if len(q) != len(self.polarities) or has_place and q.shape[1] < self.place.before + self.place.tokens:
            return None
        key = (sides, q.shape[1], q.device, q.dtype)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._product(sides, q)
        return found

    def bias(self, tokens: int, k: Tensor) -> Tensor:
        """The logarithms of the pictures' weights for the keys (rows, 2 * tokens, D) of both: (1, 1, 1, 2 * tokens)."""
        key = ("pictures", self.pictures, tokens, k.device, k.dtype)

        def make() -> Tensor:
            weights = torch.tensor(self.pictures, dtype=torch.float32).repeat_interleave(tokens)
            return like(weights.log()[None, None, None], k)

        return self.run.store(key, make)

    def _in_block(self, block: BlockKey) -> tuple[tuple[Sides, ...], float | None]:
        """The weights of every node in a block, for the rows of either prompt, and what `_number` says of them."""
        found = self._in_blocks.get(block)
        if found is None:
            pairs = zip(self.effects, self.acting, strict=True)
            sides = tuple(effect.sides(block, one.factor) for effect, one in pairs)
            found = self._in_blocks[block] = (sides, self._number(sides))
        return found

    def _number(self, sides: tuple[Sides, ...]) -> float | None:
        """The factor where it is one number for all rows and tokens; None where it is not."""
        total = 1.0
        for effect, side in zip(self.effects, sides, strict=True):
            weights = set(self._of_rows(side))
            if effect.attn_mask is None and not effect.frame_scales and len(weights) == 1:
                total *= effect.part_of(weights.pop())
            elif not effect.is_plain_with(weights):
                return None
        return total

    def _of_rows(self, side: Sides) -> tuple[float, ...]:
        return tuple(side[polarity == "negative"] for polarity in self.polarities)

    def _product(self, sides: tuple[Sides, ...], q: Tensor) -> Factor:
        first, *others = (self._one(number, side, q) for number, side in enumerate(sides))
        for factor in others:
            first = first * factor
        return first

    def _one(self, number: int, side: Sides, q: Tensor) -> Factor:
        """1 + share * mask * (weight * frames - 1) of one node, without rounding where the mask is 0 or 1."""
        effect, weights = self.effects[number], self._of_rows(side)
        alike = len(set(weights)) == 1
        if effect.attn_mask is None and not effect.frame_scales:
            if alike:
                return effect.part_of(weights[0])
            return like(torch.tensor([effect.part_of(weight) for weight in weights])[:, None, None], q)
        kept, weighed = self._kept_and_weighed(number, q)
        if alike:
            return torch.add(kept, weighed, alpha=weights[0])
        return torch.addcmul(kept, weighed, like(torch.tensor(weights)[:, None, None], q))

    def _kept_and_weighed(self, number: int, q: Tensor) -> Tensor:
        """For each token (2, 1, N, 1): how much of the branch stays as it is, and how much is weighed."""
        effect, place = self.effects[number], self.place
        key = ("own", self.acting[number].branch, place, q.shape[1], q.device, q.dtype)

        def make() -> Tensor:
            frames = torch.tensor([at(effect.frame_scales, i) if effect.frame_scales else 1.0 for i in place.frames])
            mask = _masks(effect, place)
            share = effect.share * mask
            both = torch.stack([1 - share, share * frames[:, None, None]]).flatten(1)
            rest = q.shape[1] - place.before - place.tokens
            # What is no part of the video has no place in it: it is where a full mask would be.
            outside = torch.tensor([[1 - effect.share], [effect.share]])
            parts = (outside.expand(-1, place.before), both, outside.expand(-1, rest))
            return like(torch.cat(parts, 1)[:, None, :, None], q)

        return self.run.store(key, make)


def _masks(effect: OwnBranch, place: Place) -> Tensor:
    """The mask of each frame of the latent on its grid (T, h, w): the mean of the frames of the video that it holds."""
    if effect.attn_mask is None:
        return torch.ones(len(place.frames), *place.grid)
    masks = effect.attn_mask.float()
    numbers = [[min(frame, len(masks) - 1) for frame in place.of_video(each)] for each in place.frames]
    used = sorted({number for each in numbers for number in each})
    small = dict(zip(used, mask_factors(masks[used], place.grid, None, effect.mask_rule)[:, 0], strict=True))
    return torch.stack([torch.stack([small[number] for number in each]).mean(0) for each in numbers])
