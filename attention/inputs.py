"""Checks what comes from the graph once, where it enters: pictures, masks and numbers; and what is given for each picture."""

from __future__ import annotations

import math
from typing import Protocol, TypeVar

import torch
from einops import rearrange
from torch import Tensor

T_co = TypeVar("T_co", covariant=True)
CHANNELS = (1, 3, 4)
LONGEST_SIDE = 16384
NARROWEST = 256
"""The long side over the short one, above which a picture is a line: scaled to an encoder's square it would fill the memory."""


class Listed(Protocol[T_co]):
    """A tuple, a list, or a tensor of several things."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> T_co: ...


def at(values: Listed[T_co], index: int) -> T_co:
    """What picture `index` of a batch is given, where there may be fewer values than pictures: the last is for the rest."""
    return values[min(index, len(values) - 1)]


def check_pictures(image: Tensor) -> None:
    """Raise ValueError, saying which and why, unless `image` is (n, H, W, 1, 3 or 4) of finite floats, n > 0."""
    if image.ndim != 4 or image.shape[-1] not in CHANNELS or 0 in image.shape:
        raise ValueError(f"a picture must be (batch, height, width, 1, 3 or 4 channels), found {tuple(image.shape)}.")
    if not image.is_floating_point():
        raise ValueError(f"a picture must contain floats from 0 to 1, found {image.dtype}.")
    height, width = image.shape[1:3]
    if max(height, width) > min(LONGEST_SIDE, NARROWEST * min(height, width)):
        raise ValueError(
            f"a picture of {width}x{height} is too long or too narrow: its long side may have at most {LONGEST_SIDE} pixels and "
            f"{NARROWEST} times the length of its short side. Crop or resize it first."
        )
    for number, picture in enumerate(image):
        if not bool(torch.isfinite(picture).all()):
            raise ValueError(
                f"picture {number + 1} of {len(image)} contains NaN or infinity. Check the "
                "node that made it: half precision in a VAE is the usual cause."
            )


def check_mask(mask: Tensor, name: str) -> None:
    """Raise ValueError unless `mask` is (masks, height, width) of finite numbers, none of the sizes 0."""
    if mask.ndim != 3 or not mask.numel():
        raise ValueError(
            f"{name} has the shape {tuple(mask.shape)}; it must be (masks, height, width), none of them 0."
        )
    if not bool(torch.isfinite(mask).all()):
        raise ValueError(f"{name} contains NaN or infinity. Check the node that made it.")


def masks_of(mask: Tensor, name: str) -> Tensor:
    """The masks (n, H, W) of what a graph calls a mask: some packs leave out the dimension for several, or add channels.

    Raises ValueError as `check_mask` does.
    """
    if mask.ndim < 2 or not mask.numel():
        raise ValueError(
            f"{name} has the shape {tuple(mask.shape)}; it must be (masks, height, width), none of them 0."
        )
    masks = rearrange(mask, "... h w -> (...) h w")
    check_mask(masks, name)
    return masks


def check_number(number: float, name: str) -> None:
    """Raise ValueError, naming it, unless it is a finite number: prompts over the API can carry NaN and infinity."""
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}; it must be a number.")
