"""A face in a picture -> the square around it, and a repainted square back into the picture with a soft edge."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .value import Array, Face, frozen


@dataclass(frozen=True)
class Square:
    """`side` x `side` pixels from (left, top) on, wholly inside a picture of `size` (width, height)."""

    left: int
    top: int
    side: int
    size: tuple[int, int]

    def of(self, image: Tensor) -> Tensor:
        """The pixels (side, side, C) of a picture (H, W, C)."""
        return image[self.top : self.top + self.side, self.left : self.left + self.side]

    def points(self, points: Array, side: int) -> Array:
        """Points (..., 2) of the picture as points of the square when it is `side` pixels wide."""
        return frozen((points - (self.left, self.top)) * (side / self.side))


def square_around(face: Face, context: float) -> Square:
    """The square about the middle of a face's box, `context` times its longer side, moved and cut to fit the picture."""
    size = face.picture.size
    width, height = (float(v) for v in face.box[2:] - face.box[:2])
    side = max(min(round(max(width, height) * context), *size), 1)
    left, top = (
        min(max(round(float(middle) - side / 2), 0), length - side)
        for middle, length in zip(face.centre, size, strict=True)
    )
    return Square(left, top, side, size)


def resized(image: Tensor, side: int) -> Tensor:
    """A square picture (S, S, C), 0..1, at another size, bicubic and smoothed when it shrinks."""
    if image.shape[0] == side:
        return image
    scaled = F.interpolate(image.movedim(-1, 0)[None], size=(side, side), mode="bicubic", antialias=True)
    return scaled[0].movedim(0, -1).clamp(0, 1)


def soft_edge(square: Square, feather: float) -> Tensor:
    """How much of a repainted square counts, (side, side) 0..1: it fades out over `feather` of its side.

    Not towards the picture's own border, where there is nothing to fade into.
    """
    middles = torch.arange(square.side) + 0.5
    width = max(feather * square.side, 1e-6)

    def ramp(start: int, length: int) -> Tensor:
        weight = torch.ones(square.side)
        if start > 0:
            weight = torch.minimum(weight, middles / width)
        if start + square.side < length:
            weight = torch.minimum(weight, (square.side - middles) / width)
        return weight

    return ramp(square.top, square.size[1])[:, None] * ramp(square.left, square.size[0])[None, :]


def pasted(image: Tensor, patch: Tensor, square: Square, edge: Tensor) -> Tensor:
    """A copy of the picture (H, W, C) with the square (side, side, C) laid over it by `edge`; all else bit for bit."""
    out = image.clone()
    area = square.of(out)
    area.copy_(torch.lerp(area, patch.to(area), edge.to(area)[..., None]))
    return out
