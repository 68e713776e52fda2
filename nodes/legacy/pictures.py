"""Pictures as the old packs prepared them: cut to a square, sharpened, or taken apart into tiles with their places."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from PIL import Image
from torch import Tensor

SQUARE, TILE = 224, 256
_NEARLY_SQUARE = (0.75, 1.33)
_LONGEST = 4  # times the short side

_STARTS: Mapping[str, Callable[[int, int], tuple[int, int]]] = MappingProxyType(
    {
        "top": lambda dx, dy: (dx // 2, 0),
        "bottom": lambda dx, dy: (dx // 2, dy),
        "left": lambda dx, dy: (0, dy // 2),
        "right": lambda dx, dy: (dx, dy // 2),
        "center": lambda dx, dy: (dx // 2, dy // 2),
    }
)
"""Which part is kept -> left and top edge, from what is too wide and too high."""


def prepared(
    image: Tensor, interpolation: str = "LANCZOS", crop_position: str = "top", sharpening: float = 0.0
) -> tuple[Tensor]:
    """Pictures (n, H, W, C), 0..1, as squares of the encoder's size; 'pad' keeps all of them, on black."""
    squares = padded(image) if crop_position == "pad" else cut(image, crop_position)
    return (sharpened(resized(squares, SQUARE, SQUARE, interpolation), sharpening),)


def cut(pictures: Tensor, position: str) -> Tensor:
    """The largest square of pictures (n, H, W, C) at a side, or in the centre."""
    height, width = pictures.shape[1:3]
    side = min(height, width)
    left, top = _STARTS[position](width - side, height - side)
    return pictures[:, top : top + side, left : left + side]


def padded(pictures: Tensor) -> Tensor:
    height, width = pictures.shape[1:3]
    side = max(height, width)
    left, top = (side - width) // 2, (side - height) // 2
    square = pictures.new_zeros(len(pictures), side, side, pictures.shape[-1])
    square[:, top : top + height, left : left + width] = pictures
    return square


def resized(pictures: Tensor, height: int, width: int, interpolation: str) -> Tensor:
    """Pictures (n, H, W, 3 or more) scaled by one of Pillow's filters, in 8 bits as Pillow has them."""
    if pictures.shape[1:3] == (height, width):
        return pictures
    filter_ = Image.Resampling[interpolation]
    scaled = [
        np.asarray(Image.fromarray(picture).resize((width, height), filter_))
        for picture in (pictures[..., :3].clamp(0, 1) * 255).round().byte().cpu().numpy()
    ]
    return torch.from_numpy(np.stack(scaled)).float() / 255


def sharpened(pictures: Tensor, amount: float) -> Tensor:
    """Pictures (n, H, W, C), 0..1, sharpened where there is room in their contrast; 0 leaves them as they are.

    AMD FidelityFX CAS: each channel of a pixel against its four neighbours, by the extremes of all eight.
    """
    if not amount:
        return pictures
    x = pictures.movedim(-1, 1)
    height, width = x.shape[-2:]
    around = F.pad(x, (1, 1, 1, 1), mode="replicate")
    rows = [around[..., i : i + height, j : j + width] for i in range(3) for j in range(3)]
    cross, all_nine = torch.stack(rows[1::2] + [rows[4]]), torch.stack(rows)
    low = cross.amin(0) + all_nine.amin(0)
    high = cross.amax(0) + all_nine.amax(0)
    room = (torch.minimum(low, 2 - high) / high.clamp_min(1e-6)).clamp_min(0).sqrt()
    weight = -room * (amount * (1 / 5 - 1 / 8) + 1 / 8)
    result = (weight * sum(rows[1::2]) + x) / (1 + 4 * weight)
    return result.clamp(0, 1).movedim(1, -1)


def tiles(image: Tensor, mask: Tensor | None, sharpening: float) -> tuple[Tensor, Tensor]:
    """Pictures (n, H, W, C) as tiles (m * n, 256, 256, 3), place by place, and the place of each (m, H', W').

    A nearly square picture is cut to a square of four tiles; others keep their shape, the short side one tile, up to
    four times as long. `mask` (1 or more, H, W) is multiplied onto every place.
    """
    scaled, shown = _scaled(image, torch.ones(1, *image.shape[1:3]) if mask is None else mask)
    height, width = scaled.shape[1:3]
    found, places = [], []
    for top in _starts(height):
        for left in _starts(width):
            found.append(scaled[:, top : top + TILE, left : left + TILE])
            place = torch.zeros(height, width)
            place[top : top + TILE, left : left + TILE] = 1
            places.append(place * shown[0])
    return sharpened(torch.cat(found), sharpening), torch.stack(places)


def _scaled(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Picture and mask in the size that is taken apart."""
    height, width = image.shape[1:3]
    both = torch.cat([image[..., :3], repeat(_to_size(mask, height, width), "1 h w -> n h w 1", n=len(image))], -1)
    if _NEARLY_SQUARE[0] < height / width < _NEARLY_SQUARE[1]:
        both, size = cut(both, "center"), (2 * TILE, 2 * TILE)
    else:
        both = _not_too_long(both)
        height, width = both.shape[1:3]
        short = min(height, width)
        size = (round(TILE * height / short), round(TILE * width / short))
    return resized(both[..., :3], *size, "LANCZOS"), _to_size(both[..., 3], *size)


def _not_too_long(pictures: Tensor) -> Tensor:
    height, width = pictures.shape[1:3]
    most = _LONGEST * min(height, width)
    top, left = max(height - most, 0) // 2, max(width - most, 0) // 2
    return pictures[:, top : top + most, left : left + most]


def _to_size(mask: Tensor, height: int, width: int) -> Tensor:
    """The first mask (1, height, width)."""
    first = rearrange(mask.float(), "... h w -> (...) h w")[:1]
    if first.shape[1:] == (height, width):
        return first
    return F.interpolate(first[None], size=(height, width), mode="bilinear")[0]


def _starts(length: int) -> list[int]:
    """Where tiles begin: as few as cover the length, evenly spread."""
    count = math.ceil(length / TILE)
    return [round(i * (length - TILE) / max(count - 1, 1)) for i in range(count)]
