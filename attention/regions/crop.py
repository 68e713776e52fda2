"""What steers whole pictures -> what steers one square of one of them, for repainting it by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from comfy.controlnet import ControlBase
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..adapter.key_values import Pair, Source
from ..adapter.timed import KeyValuesByTime
from ..branch.attachment import Attachment
from ..branch.effect import Effect
from ..branch.per_picture import references_of
from ..identitynet.apply import Conditioning
from ..identitynet.hint import Hint
from ..identitynet.net import FaceContext, IdentityNet
from ..inputs import at
from ..models.families import BlockKey
from ..sampling.attach import attachments, with_attachments
from ..weights.schedule import Range

WHOLE_PICTURE = ("area", "concat_latent_image", "gligen")
"""What a conditioning says of places in the whole picture, in a way that cannot be cut."""


@dataclass(frozen=True)
class Crop:
    """A box of picture `index` of a batch, its sides as parts of the picture's, 0..1."""

    index: int
    left: float
    top: float
    right: float
    bottom: float

    def of(self, planes: Tensor) -> Tensor:
        """This crop (1, ..., h, w) of pictures or masks (B, ..., H, W); the last is for all pictures that follow."""
        height, width = planes.shape[-2:]
        one = at(planes, self.index)[None]
        top, bottom = _span(self.top, self.bottom, height)
        left, right = _span(self.left, self.right, width)
        return one[..., top:bottom, left:right]


def _span(start: float, end: float, length: int) -> tuple[int, int]:
    first = min(int(start * length + 0.5), length - 1)
    return first, max(int(end * length + 0.5), first + 1)


def model_for(model: ModelPatcher, crop: Crop) -> ModelPatcher:
    """A clone whose attachments are those of one picture of the batch, their masks cut to the crop."""
    return with_attachments(model, tuple(_attachment_for(each, crop) for each in attachments(model)))


def conditioning_for(conditioning: Conditioning, crop: Crop, keypoints: Tensor, done: dict[int, Any]) -> Conditioning:
    """The conditioning with its mask and its nets' pictures cut to the crop; nothing given is changed.

    IdentityNets are shown `keypoints` (1, H, W, 3), drawn for the crop, in place of their own. `done` is shared by
    positive and negative, because the host batches only conditionings whose control is the same object. Raises
    ValueError for conditionings that are bound to places in the whole picture.
    """

    def entry_for(entry: list[Any]) -> list[Any]:
        options: dict[str, Any] = dict(entry[1])
        bound = [key for key in WHOLE_PICTURE if options.get(key) is not None]
        if bound:
            raise ValueError(
                f"a conditioning carries '{bound[0]}', which applies to the whole picture and cannot be cropped. Connect one "
                "without it; a region given as a mask (Conditioning (Set Mask)) can be cropped."
            )
        if options.get("mask") is not None:
            options["mask"] = crop.of(options["mask"])
        if options.get("control") is not None:
            options["control"] = _net_for(options["control"], crop, keypoints, done)
        return [entry[0], options]

    return [entry_for(entry) for entry in conditioning]


def _net_for(net: ControlBase, crop: Crop, keypoints: Tensor, done: dict[int, Any]) -> ControlBase:
    if id(net) not in done:
        cut = _identitynet_for(net, crop, keypoints) if isinstance(net, IdentityNet) else _other_net_for(net, crop)
        previous: ControlBase | None = net.previous_controlnet
        cut.set_previous_controlnet(None if previous is None else _net_for(previous, crop, keypoints, done))
        done[id(net)] = cut
    return done[id(net)]


def _identitynet_for(net: IdentityNet, crop: Crop, keypoints: Tensor) -> IdentityNet:
    negative = net.face.negative
    face = FaceContext(
        at(net.face.positive, crop.index)[None],
        None if negative is None else at(negative, crop.index)[None],
        None if net.face.mask is None else crop.of(net.face.mask),
        net.face.mask_rule,
        net.face.tell,
    )
    start, end = net.timestep_percent_range
    return net.reading(face).showing(Hint(keypoints, net.strength, Range(start, end), net.vae))


def _other_net_for(net: Any, crop: Crop) -> Any:
    cut = net.copy()
    if cut.cond_hint_original is not None:
        cut.cond_hint_original = crop.of(cut.cond_hint_original)
    cut.extra_concat_orig = [crop.of(extra) for extra in cut.extra_concat_orig]
    return cut


@dataclass(frozen=True, eq=False)
class OneEntry:
    """One entry of a source of several."""

    source: Source
    entry: int

    @property
    def blocks(self) -> Collection[BlockKey]:
        return self.source.blocks

    @property
    def count(self) -> int:
        return 1

    @property
    def num_tokens(self) -> int:
        return self.source.num_tokens

    @property
    def picture_tokens(self) -> int:
        return self.source.picture_tokens

    @property
    def digest(self) -> str:
        return f"{self.source.digest}/{self.entry}"

    def pick(self, block: BlockKey, entries: Sequence[int], device: torch.device | None = None) -> Pair:
        return self.source.pick(block, (self.entry,) * len(entries), device)

    def near(self, block: BlockKey, wanted: Collection[BlockKey], q: Tensor) -> OneEntry:
        return self  # not all entries for the sake of one


def _only(source: Source | KeyValuesByTime, entry: int) -> Source | KeyValuesByTime:
    return source.only(entry) if isinstance(source, KeyValuesByTime) else OneEntry(source, entry)


def _attachment_for(effect: Effect, crop: Crop) -> Effect:
    changes: Mapping[str, Any] = {}
    if isinstance(effect, Attachment):
        changes = {
            side: _only(source, references_of(effect.per_picture, (crop.index,), source.count)[0])
            for side, source in (("positive", effect.positive), ("negative", effect.negative))
            if source.count > 1
        }
    scales = effect.frame_scales
    return replace(
        effect,
        **changes,
        frame_scales=(at(scales, crop.index),) if scales else (),
        attn_mask=None if effect.attn_mask is None else crop.of(effect.attn_mask),
        mask_is_cut=True,
    )
