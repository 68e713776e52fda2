"""What is attached to a model -> a picture of each branch's factor in every block at every step, with its mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch.nn.functional as F
from comfy_api.v0_0_2 import ui
from PIL import Image, ImageDraw
from torch import Tensor

from ...attention.branch.attachment import Attachment
from ...attention.branch.effect import Effect
from ...attention.branch.own import OwnBranch
from ...attention.branch.reference import ReferenceWeight
from ...attention.models.kinds import KINDS
from ...attention.sampling.strengths import Strengths
from . import plot

_LEFT, _TOP, _FOOT, _SIDE = 128, 92, 44, 200
_WIDE, _CELL = 720, 22
_NUMBERED = 30  # a cell this wide has its number written in it
_THUMB = 168
_LARGE = 1e6


def adapters_picture(branches: Sequence[Strengths], sigmas: Sequence[float]) -> Tensor:
    """An IMAGE (1, H, W, 3): one panel for each branch, one below the other, with one scale of colours."""
    most = max([1.0, *(abs(f) for branch in branches for step in branch.factors for f in step)])
    heights = [_height(branch) for branch in branches]
    picture, draw = plot.sheet(_LEFT + _WIDE + _SIDE, sum(heights))
    top = 0
    for number, (branch, height) in enumerate(zip(branches, heights, strict=True), 1):
        _panel(picture, draw, top, number, branch, most, sigmas)
        top += height
    return plot.as_image(picture)


def told_to_page(branches: Sequence[Strengths], sigmas: Sequence[float]) -> dict[str, Any]:
    """The same in numbers, for the page to draw at the width of the node."""
    return {
        "sigmas": [round(sigma, 3) if sigma < _LARGE else None for sigma in sigmas],
        "branches": [
            {
                "label": branch.attachment.label or "a branch",
                "acts": branch.acts,
                "settings": _settings(branch.attachment),
                "places": branch.places,
                "swapped": sorted(branch.swapped),
                "factors": [[round(factor, 3) for factor in step] for step in branch.factors],
                "mask": None if branch.attachment.attn_mask is None else _mask_file(branch.attachment.attn_mask[0]),
            }
            for branch in branches
        ],
    }


def _mask_file(mask: Tensor) -> Any:
    shown: Any = ui.PreviewImage(plot.as_image(_thumb(mask).convert("RGB"))).as_dict()["images"]
    return shown[0]


def _height(branch: Strengths) -> int:
    return _TOP + _CELL * len(branch.places) + _FOOT


def _panel(
    picture: Image.Image,
    draw: ImageDraw.ImageDraw,
    top: int,
    number: int,
    branch: Strengths,
    most: float,
    sigmas: Sequence[float],
) -> None:
    draw.line((0, top, picture.width, top), fill=plot.GRID)
    title = f"{number}. {branch.attachment.label or 'a branch'}{'' if branch.acts else ' - does not act'}"
    plot.write(draw, (16, top + 24), plot.clipped(title, picture.width - 32, 18), 18)
    for line, text in enumerate(_settings(branch.attachment)):
        plot.write(draw, (16, top + 48 + 18 * line), plot.clipped(text, picture.width - 32, 13), 13, plot.FAINT)
    _map(draw, top + _TOP, branch, most)
    _steps(draw, top + _height(branch) - _FOOT + 14, sigmas)
    _side(picture, draw, top + _TOP, branch.attachment)


def _settings(effect: Effect) -> tuple[str, str]:
    """Everything but the factors, in words."""
    when = f"{effect.range.start:g} to {effect.range.end:g} of sampling{', scheduled' if effect.schedule else ''}"
    weight, more = _WORDS[type(effect)](effect)
    return f"{weight}, {when}", more


def _of_reference(effect: Effect) -> tuple[str, str]:
    attachment = cast(Attachment, effect)
    fusion = attachment.fusion
    rule = f"fusion {fusion.rule}{f', {fusion.zero_tokens} zero tokens' if fusion.zero_tokens else ''}"
    entries = attachment.positive.count
    reference = f"{entries} pictures, one for each frame" if entries > 1 else "one reference"
    more = f"{rule}, {attachment.embeds_scaling}, {reference} of {attachment.positive.num_tokens} tokens"
    return f"weight {attachment.weight:g}", more


def _of_image_branch(effect: Effect) -> tuple[str, str]:
    own = cast(OwnBranch, effect)
    negative = "the same" if own.negative_scale is None else f"{own.part_of(own.negative_scale):g}"
    start, end = own.shares_of_pictures
    more = f"for the negative prompt {negative}, start image {start:g}, end image {end:g}; 1 is the plain model"
    return f"weight {own.weight:g}", more


def _of_weighed(effect: Effect) -> tuple[str, str]:
    return f"weight {effect.weight:g}", "in the softmax of every block; 1 is the plain model, 0 without the reference"


_WORDS: Mapping[type[Effect], Callable[[Effect], tuple[str, str]]] = {
    Attachment: _of_reference,
    OwnBranch: _of_image_branch,
    ReferenceWeight: _of_weighed,
}
"""What there is on a model -> what it is set to, in two parts."""


def _map(draw: ImageDraw.ImageDraw, top: int, branch: Strengths, most: float) -> None:
    """One row for each block, one column for each step."""
    column = _WIDE / len(branch.factors)
    for number, place in enumerate(branch.places):
        y = top + _CELL * number
        label = f"{number}  {place}{' swap' if number in branch.swapped else ''}"
        colour = plot.DOWN if number in branch.swapped else plot.FAINT
        plot.write(draw, (_LEFT - 10, y + _CELL / 2), label, 12, colour, "right")
        for step, factors in enumerate(branch.factors):
            value, x = factors[number], _LEFT + step * column
            draw.rectangle((x, y, x + column - 1, y + _CELL - 2), fill=plot.heat(value, most))
            if round(value, 2) and column >= _NUMBERED:
                ink = plot.SHEET if abs(value) > 0.4 * most else plot.TEXT
                plot.write(draw, (x + column / 2, y + _CELL / 2 - 1), f"{round(value, 2):g}", 11, ink, "centre")


def _steps(draw: ImageDraw.ImageDraw, y: float, sigmas: Sequence[float]) -> None:
    """Numbers of steps and their noise levels, as many as there is room for."""
    column = _WIDE / len(sigmas)
    every = max(1, round(44 / column + 0.49))
    plot.write(draw, (_LEFT - 10, y), "step", 12, plot.FAINT, "right")
    plot.write(draw, (_LEFT - 10, y + 16), "sigma", 12, plot.FAINT, "right")
    for step in range(0, len(sigmas), every):
        x = _LEFT + (step + 0.5) * column
        plot.write(draw, (x, y), str(step + 1), 12, plot.FAINT, "centre")
        sigma = f"{sigmas[step]:.3g}" if sigmas[step] < _LARGE else "max"
        plot.write(draw, (x, y + 16), sigma, 12, plot.FAINT, "centre")


def _side(picture: Image.Image, draw: ImageDraw.ImageDraw, top: int, attachment: Effect) -> None:
    """The mask, and the factors of single pictures."""
    left = _LEFT + _WIDE + 16
    mask = attachment.attn_mask
    if mask is None:
        plot.write(draw, (left, top + 8), "no mask: everywhere", 12, plot.FAINT)
        below = top + 32
    else:
        thumb = _thumb(mask[0])
        plot.write(draw, (left, top + 8), f"mask{f' 1 of {len(mask)}' if len(mask) > 1 else ''}", 12, plot.FAINT)
        picture.paste(thumb, (left, top + 20))
        draw.rectangle((left, top + 20, left + thumb.width - 1, top + 19 + thumb.height), outline=plot.GRID)
        below = top + 36 + thumb.height
    if attachment.frame_scales:
        some = ", ".join(f"{factor:.2g}" for factor in attachment.frame_scales[:5])
        more = ", ..." if len(attachment.frame_scales) > 5 else ""
        plot.write(
            draw,
            (left, below),
            f"{len(attachment.frame_scales)} {KINDS[attachment.kind].counted} times",
            12,
            plot.FAINT,
        )
        plot.write(draw, (left, below + 16), plot.clipped(f"{some}{more}", _SIDE - 24, 12), 12)


def _thumb(mask: Tensor) -> Image.Image:
    """A mask (H, W) as a small grey picture of the same shape."""
    height, width = mask.shape
    longest = max(height, width)
    size = max(_THUMB * height // longest, 1), max(_THUMB * width // longest, 1)
    small = F.interpolate(mask[None, None].float().cpu(), size=size, mode="area")[0, 0].clamp(0, 1)
    return Image.fromarray((small * 255).byte().numpy())
