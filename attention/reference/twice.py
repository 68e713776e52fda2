"""InstantX's way to bring a reference to size before SigLIP sees it."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SHORT, LONG, MULTIPLE = 1024, 1280, 64


def resized_twice(pictures: Tensor) -> Tensor:
    """Pictures (n, H, W, 3), 0..1, with a long side of 1280, then both sides rounded down to multiples of 64.

    Each step bilinear and in whole numbers of 0..255, as Pillow does it: `resize_img` of the authors' code.
    """
    return torch.cat([_resized(picture)[None] for picture in pictures])


def _resized(picture: Tensor) -> Tensor:
    pixels = (picture.detach().cpu().float().clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    image = Image.fromarray(pixels)
    for size in sizes(image.size):
        image = image.resize(size, Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).to(picture) / 255


def sizes(size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Width and height after either step."""
    ratio = SHORT / min(size)
    width, height = round(ratio * size[0]), round(ratio * size[1])
    ratio = LONG / max(width, height)
    width, height = round(ratio * width), round(ratio * height)
    return (width, height), tuple(max(side // MULTIPLE, 1) * MULTIPLE for side in (width, height))  # pyright: ignore[reportReturnType]
