"""How strongly a branch acts on one model, where and when, whatever the branch is. A value that never changes."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.model_patcher import ModelPatcher
from torch import Tensor
from typing_extensions import Self

from ..cache import digest
from ..inputs import check_mask, check_number
from ..models.families import BlockKey
from ..weights.schedule import WHOLE, Range, Schedule
from .masks import MASK_RULES, MEAN


def warn(text: str) -> None:
    """Says a sentence in ComfyUI's log."""
    logging.warning("likeness: %s", text)


@dataclass(frozen=True, eq=False, kw_only=True)
class Effect:
    """What every branch is set to.

    Its weight in a layer, step and picture is scale * layer_scales (1 where absent) * schedule (over sampling) *
    frame_scales (picture or frame i; the last for all that follow). `swapped` are the layers in which guidance leads
    away from it. `range` says when it acts, `attn_mask` (B, H, W), 0..1, where; mask i is for picture i, the last for all
    that follow; `mask_rule` says how it is scaled to a layer's grid. `tell` takes a sentence for the person who applied
    it. `mask_is_cut` says that the mask is of the very part of a picture that is sampled.
    """

    scale: float = 1.0
    layer_scales: Mapping[BlockKey, float] = field(default_factory=dict[BlockKey, float])
    swapped: frozenset[BlockKey] = frozenset()
    range: Range = WHOLE
    schedule: Schedule | None = None
    frame_scales: tuple[float, ...] = ()
    attn_mask: Tensor | None = None
    mask_rule: str = MEAN
    label: str = ""
    tell: Callable[[str], None] = warn
    mask_is_cut: bool = False

    def __post_init__(self) -> None:
        for name, number in (("weight", self.scale), *(("a picture's weight", n) for n in self.frame_scales)):
            check_number(number, name)
        if self.attn_mask is not None:
            check_mask(self.attn_mask, "attn_mask")
        if self.mask_rule not in MASK_RULES:
            raise ValueError(f"there is no mask rule '{self.mask_rule}'; choose one of: {', '.join(MASK_RULES)}.")

    @property
    @abstractmethod
    def kind(self) -> str:
        """The kind of model it is on, a row of `models.kinds.KINDS`."""

    @property
    @abstractmethod
    def all_blocks(self) -> tuple[BlockKey, ...]:
        """The layers that it has a part in, whatever they are set to."""

    @property
    @abstractmethod
    def ever_acts(self) -> bool:
        """Whether it can change anything at all."""

    @abstractmethod
    def acts_with(self, factor: float) -> bool:
        """Whether it changes anything where its schedule has this factor."""

    @abstractmethod
    def weight_in(self, block: BlockKey, factor: float) -> float:
        """Its weight in one layer where its schedule has this factor, on the side that the reference is for."""

    @property
    @abstractmethod
    def weight(self) -> float:
        """What it was set to, before layers, schedule and frames, as far as it is to be had."""

    @abstractmethod
    def scaled(self, factor: float) -> Self:
        """The same, `factor` times as far from the plain model: 0 is the plain model."""

    @property
    def models(self) -> tuple[ModelPatcher, ...]:
        """What has to be loaded beside the model while it is sampled, because a branch computes with it there."""
        return ()

    @property
    def outside(self) -> float | None:
        """The factor of its schedule outside its range; None where it does nothing there."""
        return None

    @property
    def title(self) -> str:
        """What it acts on by a name of its own; empty where it acts wherever it is asked."""
        return ""

    @property
    def always_on(self) -> bool:
        """Whether it acts alike at every step, so that nobody needs to know the noise level."""
        return self.range == WHOLE and self.schedule is None

    @property
    def tells_pictures_apart(self) -> bool:
        """Whether it matters which picture of the batch a row is."""
        masks = 0 if self.attn_mask is None else len(self.attn_mask)
        return masks > 1 or len(set(self.frame_scales)) > 1

    @property
    def masked_out(self) -> bool:
        """Whether there is a mask that is 0 everywhere."""
        return self.attn_mask is not None and not bool(self.attn_mask.any())

    @property
    def settings(self) -> tuple[Any, ...]:
        """All of it in numbers and words, the same for equal ones."""
        return (
            self.kind,
            self.scale,
            sorted(self.layer_scales.items()),
            sorted(self.swapped),
            self.range.start,
            self.range.end,
            self.schedule,
            self.frame_scales,
            self.mask_rule,
            "" if self.attn_mask is None else digest(self.attn_mask),
        )

    @property
    @abstractmethod
    def order(self) -> str:
        """A hash of all it consists of: branches are summed in this order, whatever order they were added in.

        Sums and products of floating point numbers depend on their order; two branches of equal hash are equal.
        """
