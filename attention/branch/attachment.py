"""One adapter's branch on one model: what it adds, where, when and how much. A value that never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from comfy.model_patcher import ModelPatcher

from ..adapter.key_values import KeyValues, NoTokens, Pair, Source
from ..adapter.timed import KeyValuesByTime
from ..adapter.way import Way
from ..cache import digest
from ..models.families import BlockKey
from ..models.kinds import KINDS, kind_with
from .effect import Effect
from .fusion import Fusion
from .per_picture import PER_PICTURE, REPEAT_LAST
from .scaling import EMBEDS_SCALING, REFERENCE, SHIFTS_MEAN


@dataclass(frozen=True, eq=False)
class Attachment(Effect):
    """A branch: scale * fusion(Attn(q, K, V), base) * mask, added in the layers of `positive`.

    `positive` and `negative` are the keys and values of the reference and of its unconditional half. In `swapped` layers
    the reference acts on the unconditional half and nothing acts on its own, so that guidance leads away from it. Where a
    side has several entries, entry i is for picture i; `per_picture` says what happens when there are fewer. `by_place`
    tells which half a conditioning is of by its place in the call of the model: the second is negative, all others
    positive. `way` says how keys and values are used. `norms` are what the picture's own queries and keys are multiplied by
    in each head of a block, where the branch reads them.
    """

    positive: Source | KeyValuesByTime
    negative: Source | KeyValuesByTime
    fusion: Fusion = Fusion()
    embeds_scaling: str = REFERENCE
    per_picture: str = REPEAT_LAST
    by_place: bool = False
    way: Way = Way()
    norms: Mapping[BlockKey, Pair] = field(default_factory=dict[BlockKey, Pair])

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value, table in (
            ("embeds_scaling", self.embeds_scaling, EMBEDS_SCALING),
            ("short_batch", self.per_picture, PER_PICTURE),
        ):
            if value not in table:
                raise ValueError(f"there is no {name} '{value}'; choose one of: {', '.join(table)}.")
        if not self.fusion.adds and not KINDS[self.kind].has_base:
            raise ValueError(
                f"fusion '{self.fusion.rule}' compares the reference with the attention to the text alone, which "
                f"{KINDS[self.kind].within} do not have: text and picture are one there. Set it to 'add'."
            )
        if self.way.beside_picture and self.embeds_scaling != REFERENCE:
            raise ValueError(
                f"embeds_scaling '{self.embeds_scaling}' changes the attention to the reference alone, and this adapter's is "
                f"to the picture and the reference together. Set it to '{REFERENCE}'."
            )
        if self.fusion.weighs_mass and self.fusion.mass_tokens > self.positive.num_tokens:
            raise ValueError(
                f"mass_tokens is {self.fusion.mass_tokens}, but the reference has {self.positive.num_tokens} tokens. Set "
                "it to 0 to use all of them."
            )
        if (
            self.fusion.weighs_mass
            and self.fusion.zero_tokens < 1
            and self.fusion.mass_tokens == self.positive.num_tokens
        ):
            raise ValueError(
                f"mass_tokens is {self.fusion.mass_tokens}, which are all tokens of the reference, and zero_tokens is 0: their "
                f"share of attention is always 1 and fusion '{self.fusion.rule}' does the same as 'add'. Lower mass_tokens or "
                "set zero_tokens to 1 or more."
            )

    @property
    def kind(self) -> str:
        return kind_with(self.positive.blocks).name

    @property
    def all_blocks(self) -> tuple[BlockKey, ...]:
        return tuple(self.positive.blocks)

    def scale_in(self, block: BlockKey) -> float:
        """The constant part of the factor in one layer; 0 where the branch has no such layer."""
        if block not in self.positive.blocks:
            return 0.0
        return self.scale * self.layer_scales.get(block, 1.0)

    @cached_property
    def blocks(self) -> tuple[BlockKey, ...]:
        """The layers in which it adds something."""
        return tuple(block for block in self.positive.blocks if self.scale_in(block))

    @property
    def ever_acts(self) -> bool:
        every_frame_off = bool(self.frame_scales) and not any(self.frame_scales)
        return bool(self.blocks) and not self.masked_out and not every_frame_off

    def acts_with(self, factor: float) -> bool:
        return bool(factor)

    def weight_in(self, block: BlockKey, factor: float) -> float:
        return self.scale_in(block) * factor

    @property
    def weight(self) -> float:
        return self.scale

    def scaled(self, factor: float) -> Attachment:
        return replace(self, scale=self.scale * factor)

    @property
    def per_frame(self) -> bool:
        """Whether pictures of one batch get different keys and values."""
        return max(self.positive.count, self.negative.count) > 1

    @property
    def tells_pictures_apart(self) -> bool:
        return self.per_frame or super().tells_pictures_apart

    @property
    def is_plain(self) -> bool:
        """Whether it is a number times the attention to kept tokens, times a mask: what the fused kernel does."""
        return (
            self.fusion.adds
            and not self.way.beside_picture
            and not self.fusion.zero_tokens
            and not self.frame_scales
            and self.embeds_scaling != SHIFTS_MEAN
            and all(isinstance(source, KeyValues) for source in (self.positive, self.negative))
        )

    @property
    def models(self) -> tuple[ModelPatcher, ...]:
        sides = (self.positive, self.negative) if self.ever_acts else ()
        return tuple({id(side.patcher): side.patcher for side in sides if isinstance(side, KeyValuesByTime)}.values())

    def at_time(self, time: float, device: torch.device) -> Attachment:
        """The same with the keys and values of a timestep, 0..1000, made on a device."""
        sides = (self.positive, self.negative)
        positive, negative = (
            side.at_time(time, device) if isinstance(side, KeyValuesByTime) else side for side in sides
        )
        return replace(self, positive=positive, negative=negative)

    @property
    def leaves_negative(self) -> bool:
        """Whether it has nothing to add to the negative half."""
        return isinstance(self.negative, NoTokens)

    @property
    def order(self) -> str:
        by_place = ("by place",) if self.by_place else ()
        way = () if self.way == Way() else (self.way.joins, *sorted(self.way.normed))
        norms = (digest(*(part for pair in self.norms.values() for part in pair)),) if self.norms else ()
        settings = (*self.settings, self.fusion, self.embeds_scaling, self.per_picture, *by_place, *way, *norms)
        parts = (self.positive.digest, self.negative.digest, repr(settings))
        return hashlib.blake2b("|".join(parts).encode(), digest_size=16).hexdigest()
