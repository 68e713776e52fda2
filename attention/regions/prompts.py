"""A prompt for the whole picture, prompts for regions -> one conditioning in which each acts in its own place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from ..branch.masks import within
from ..identitynet.apply import Conditioning

CARRIED = (
    *("control", "control_apply_to_uncond"),
    *("width", "height", "crop_w", "crop_h", "target_width", "target_height"),
)
"""What a region's prompt takes over from the whole picture's: its ControlNets, and SDXL's sizes."""


def with_region_prompts(
    whole: Conditioning, prompts: Sequence[Conditioning | None], masks: Tensor, base_share: float
) -> Conditioning:
    """The whole picture's prompt and a prompt for each region, weighted so that together they are 1 everywhere.

    `masks` (n, H, W), 0..1, add up to at most 1 and are one for each of `prompts`, None being a region without one.
    Inside a region `base_share`, 0..1, of what is painted is the whole picture's prompt, the rest is its own. What is
    given is not changed. The host's masked conditionings: every prompt is one more pass of the model.
    """
    own = [(prompt, mask[None]) for prompt, mask in zip(prompts, masks, strict=True) if prompt is not None]
    if not own or base_share == 1:
        return whole
    rest = 1 - (1 - base_share) * torch.stack([mask for _, mask in own]).sum(dim=0)
    carried = {key: whole[0][1][key] for key in CARRIED if key in whole[0][1]} if whole else {}
    base = [_limited(entry, rest) for entry in whole] if bool((rest > 0).any()) else []
    regions = [
        _limited([text, {**carried, **options}], (1 - base_share) * mask)
        for prompt, mask in own
        for text, options in prompt
    ]
    return [*base, *regions]


def _limited(entry: list[Any], mask: Tensor) -> list[Any]:
    """An entry that acts within a mask (1, H, W) and within the mask that it has, if any."""
    before: Tensor | None = entry[1].get("mask")
    if before is not None:
        mask = within(rearrange(before, "... h w -> (...) h w"), mask)
    return [entry[0], {"set_area_to_bounds": False, "mask_strength": 1.0, **entry[1], "mask": mask}]
