"""Pictures of any shape -> the squares that cover them, each to be encoded as a picture of its own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..inputs import at, check_pictures, masks_of

MOST = 256
"""Tiles of one picture: each is encoded like a picture of its own."""


def cut(pictures: Tensor, short: int) -> Tensor:
    """Pictures (n, H, W, C) as tiles (n * m, S, S, C), picture by picture, each row by row.

    `short` tiles lie along the short side and as many as are needed along the long one, evenly spread, so that
    they cover everything and overlap alike.
    """
    height, width = pictures.shape[1:3]
    side = -(-min(height, width) // short)
    tops, lefts = _starts(height, side), _starts(width, side)
    if len(tops) * len(lefts) > MOST:
        raise ValueError(
            f"a picture of {width}x{height} would be cut into {len(tops) * len(lefts)} tiles, more than {MOST}. Lower "
            "'tiles', or crop the picture."
        )
    tiles = [pictures[:, top : top + side, left : left + side] for top in tops for left in lefts]
    return rearrange(tiles, "m n h w c -> (n m) h w c")


def _starts(length: int, side: int) -> list[int]:
    count = -(-length // side)
    return [round(i * (length - side) / max(count - 1, 1)) for i in range(count)]


def with_tiles(pictures: Tensor, mask: Tensor | None, short: int) -> list[tuple[Tensor, Tensor | None]]:
    """Pictures with their masks (n or 1, H, W), and their tiles with the tiles' masks, if any.

    0 means no tiles; a square picture does not get a single tile, which would be that picture again.
    """
    check_pictures(pictures)
    if mask is not None:
        mask = masks_of(mask, "the mask of the reference")
    height, width = pictures.shape[1:3]
    if short == 0 or (short == 1 and height == width):
        return [(pictures, mask)]
    return [(pictures, mask), (cut(pictures, short), None if mask is None else _cut_mask(mask, pictures, short))]


def _cut_mask(mask: Tensor, pictures: Tensor, short: int) -> Tensor:
    """Each picture's mask on its own tiles; the last mask is for all pictures that follow."""
    count, height, width = pictures.shape[:3]
    masks = torch.stack([at(mask, i) for i in range(count)])
    scaled = F.interpolate(masks[:, None].float(), size=(height, width), mode="bilinear", antialias=True)
    return cut(scaled.movedim(1, -1), short)[..., 0]
