"""A branch that acts in a call of the model, on the rows of that call: looked up once, then read by every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from ..adapter.key_values import Source
from ..branch.attachment import Attachment
from ..branch.per_picture import references_of
from ..branch.scaling import REFERENCE
from ..inputs import at
from ..models.families import BlockKey
from .call import PictureArea, picture_areas
from .rows import Chunk, Polarity, Rows

Group = tuple[Polarity, int]
"""A side, and which of its entries."""


@dataclass(frozen=True)
class Acting:
    """A branch that acts in a call of the model, and the factor of its schedule there."""

    branch: int
    factor: float


@dataclass(frozen=True, eq=False)
class BranchOnRows:
    """Branch `number` of a run, with the `factor` of its schedule, on the rows of one call.

    `groups` are what consecutive rows attend to, `swapped_groups` the same in the attachment's swapped layers.
    `mask_areas` say where each row's mask comes from, `frame_factors` are the rows' own factors; both are empty
    where the attachment has none. `is_momentary` says that its keys and values are those of this call's noise level alone.
    """

    number: int
    attachment: Attachment
    factor: float
    groups: tuple[Group, ...]
    swapped_groups: tuple[Group, ...]
    mask_areas: tuple[PictureArea, ...]
    frame_factors: tuple[float, ...]
    is_momentary: bool = False

    def acts_in(self, block: BlockKey) -> bool:
        """Whether it adds something to any of the rows in a layer."""
        attachment = self.attachment
        if not attachment.scale_in(block):
            return False
        is_silent = attachment.leaves_negative and block not in attachment.swapped
        return not is_silent or any(side == "positive" for side, _ in self.groups)

    def groups_in(self, block: BlockKey) -> tuple[Group, ...]:
        return self.swapped_groups if block in self.attachment.swapped else self.groups


def on_rows(acting: Acting, attachment: Attachment, rows: Rows) -> BranchOnRows:
    """The branch `acting`, whose attachment is given, on these rows."""
    masks, scales = attachment.attn_mask, attachment.frame_scales
    return BranchOnRows(
        acting.branch,
        attachment,
        acting.factor,
        _groups(attachment, rows, swapped=False),
        _groups(attachment, rows, swapped=True) if attachment.swapped else (),
        () if masks is None else picture_areas(rows, len(masks)),
        tuple(at(scales, frame) for _, frame in rows.listed()) if scales else (),
        is_momentary=attachment.way.by_time,
    )


def sources(attachment: Attachment, swapped: bool) -> Mapping[Polarity, Source]:
    """Where each side gets its tokens: in a swapped layer the negative side gets the reference's.

    Those that depend on the noise level were made for it by now.
    """
    positive, negative = cast(Source, attachment.positive), cast(Source, attachment.negative)
    return {"positive": positive, "negative": positive if swapped else negative}


def _groups(attachment: Attachment, rows: Rows, swapped: bool) -> tuple[Group, ...]:
    scaled_by_row = bool(attachment.frame_scales) and attachment.embeds_scaling != REFERENCE
    if not attachment.per_frame and not rows.copies and not scaled_by_row:
        return tuple((chunk.side(attachment.by_place), 0) for chunk in rows.chunks)
    entries = {
        side: dict(zip(rows.frames, references_of(attachment.per_picture, rows.frames, source.count), strict=True))
        for side, source in sources(attachment, swapped).items()
    }

    def group(chunk: Chunk, frame: int) -> Group:
        side = chunk.side(attachment.by_place)
        return side, entries[side][frame]

    return tuple(group(*row) for row in rows.listed())
