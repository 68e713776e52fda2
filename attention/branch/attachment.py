"""One adapter's branch on one model: what it adds, where, when and how much. A value that never changes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from ..adapter.key_values import KeyValues, Source
from ..cache import digest
from ..inputs import check_mask, check_number
from ..models.families import BlockKey
from ..weights.schedule import WHOLE, Range, Schedule
from .fusion import Fusion
from .masks import MASK_RULES, MEAN
from .per_picture import PER_PICTURE, REPEAT_LAST
from .scaling import EMBEDS_SCALING, REFERENCE, SHIFTS_MEAN


def warn(text: str) -> None:
    """Says a sentence in ComfyUI's log."""
    logging.warning("likeness: %s", text)


@dataclass(frozen=True, eq=False)
class Attachment:
    """A branch: scale * fusion(Attn(q, K, V), base) * mask, added in the layers of `positive`.

    `positive` and `negative` are the keys and values of the reference and of its unconditional half. The
    factor of a layer, step and picture is scale * layer_scales (1 where absent) * schedule (over sampling) *
    frame_scales (picture i of the batch; the last for all that follow). In `swapped` layers the reference acts on
    the unconditional half and nothing acts on its own, so that guidance leads away from it. `range` says when it acts,
    `attn_mask` (B, H, W), 0..1, where; mask i is for picture i, the last for all that follow; `mask_rule` says how it
    is scaled to a layer's grid. Where a side has several entries, entry i is for picture i; `short_batch` says what
    happens when there are fewer. `tell` takes a sentence for the person who applied it. `mask_is_cut` says that the
    mask is of the very part of a picture that is sampled. `by_place` tells which half a conditioning is of by its place
    in the call of the model: the second is negative, all others positive.
    """

    positive: Source
    negative: Source
    scale: float = 1.0
    layer_scales: Mapping[BlockKey, float] = field(default_factory=dict[BlockKey, float])
    swapped: frozenset[BlockKey] = frozenset()
    range: Range = WHOLE
    schedule: Schedule | None = None
    frame_scales: tuple[float, ...] = ()
    attn_mask: Tensor | None = None
    mask_rule: str = MEAN
    fusion: Fusion = Fusion()
    embeds_scaling: str = REFERENCE
    per_picture: str = REPEAT_LAST
    label: str = ""
    tell: Callable[[str], None] = warn
    mask_is_cut: bool = False
    by_place: bool = False

    def __post_init__(self) -> None:
        for name, number in (("weight", self.scale), *(("a picture's weight", n) for n in self.frame_scales)):
            check_number(number, name)
        if self.attn_mask is not None:
            check_mask(self.attn_mask, "attn_mask")
        for name, value, table in (
            ("embeds_scaling", self.embeds_scaling, EMBEDS_SCALING),
            ("mask rule", self.mask_rule, MASK_RULES),
            ("short_batch", self.per_picture, PER_PICTURE),
        ):
            if value not in table:
                raise ValueError(f"there is no {name} '{value}'; choose one of: {', '.join(table)}.")
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

    def scale_in(self, block: BlockKey) -> float:
        """The constant part of the factor in one layer; 0 where the branch has no such layer."""
        if block not in self.positive.blocks:
            return 0.0
        return self.scale * self.layer_scales.get(block, 1.0)

    @cached_property
    def blocks(self) -> tuple[BlockKey, ...]:
        """The layers in which it adds something."""
        return tuple(block for block in self.positive.blocks if self.scale_in(block))

    @cached_property
    def ever_acts(self) -> bool:
        """Whether it can change anything at all."""
        masked_out = self.attn_mask is not None and not bool(self.attn_mask.any())
        every_frame_off = bool(self.frame_scales) and not any(self.frame_scales)
        return bool(self.blocks) and not masked_out and not every_frame_off

    @property
    def always_on(self) -> bool:
        """Whether it acts alike at every step, so that nobody needs to know the noise level."""
        return self.range == WHOLE and self.schedule is None

    @property
    def per_frame(self) -> bool:
        """Whether pictures of one batch get different keys and values."""
        return max(self.positive.count, self.negative.count) > 1

    @property
    def tells_pictures_apart(self) -> bool:
        """Whether it matters which picture of the batch a row is."""
        masks = 0 if self.attn_mask is None else len(self.attn_mask)
        return self.per_frame or masks > 1 or len(set(self.frame_scales)) > 1

    @property
    def is_plain(self) -> bool:
        """Whether it is a number times the attention to kept tokens, times a mask: what the fused kernel does."""
        return (
            self.fusion.adds
            and not self.fusion.zero_tokens
            and not self.frame_scales
            and self.embeds_scaling != SHIFTS_MEAN
            and all(isinstance(source, KeyValues) for source in (self.positive, self.negative))
        )

    @cached_property
    def order(self) -> str:
        """A hash of all it consists of: branches are summed in this order, whatever order they were added in.

        Sums of floating point numbers depend on their order; two branches of equal hash are equal.
        """
        settings = (
            self.scale,
            sorted(self.layer_scales.items()),
            sorted(self.swapped),
            self.range.start,
            self.range.end,
            self.schedule,
            self.frame_scales,
            self.mask_rule,
            self.fusion,
            self.embeds_scaling,
            self.per_picture,
            *(("by place",) if self.by_place else ()),
        )
        mask = "" if self.attn_mask is None else digest(self.attn_mask)
        parts = (self.positive.digest, self.negative.digest, mask, repr(settings))
        return hashlib.blake2b("|".join(parts).encode(), digest_size=16).hexdigest()
