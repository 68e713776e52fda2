"""How a picture of any shape becomes the square that an image encoder sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch.nn.functional as F
from torch import Tensor

# The mean colour of CLIP's training pictures: zero once normalised, so the encoder sees nothing there.
MEAN_COLOUR = (0.48145466, 0.4578275, 0.40821073)


def pad_with_mean(pictures: Tensor) -> Tensor:
    """Pictures (n, H, W, 3) centred on a square of the mean colour."""
    height, width = pictures.shape[1:3]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = pictures.new_tensor(MEAN_COLOUR).expand(len(pictures), side, side, 3).clone()
    square[:, top : top + height, left : left + width] = pictures
    return square


def pad_with_edge(pictures: Tensor) -> Tensor:
    """Pictures (n, H, W, 3) centred on a square, their outermost pixels repeated."""
    height, width = pictures.shape[1:3]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    sides = (left, side - width - left, top, side - height - top)
    return F.pad(pictures.movedim(-1, 1), sides, mode="replicate").movedim(1, -1)


def _resized_twice(pictures: Tensor) -> Tensor:
    from .twice import resized_twice  # only where it is asked for

    return resized_twice(pictures)


CROP, SQUASH, TWICE = "crop", "squash", "resize twice"
AS_TRAINED = "as trained"
"""In place of a fit's name: the one of the adapter's authors."""
_WHOLE = frozenset({SQUASH, TWICE})
"""Fits whose picture becomes the square by scaling each side alone."""

# Name on the node -> what makes a picture square before it is scaled. 'crop' cuts the centre after scaling, as
# the encoders were trained; 'squash' scales both sides alone, 'resize twice' too, after two steps that InstantX takes.
SQUARE_FITS: Mapping[str, Callable[[Tensor], Tensor] | None] = {
    CROP: None,
    "pad": pad_with_mean,
    "pad edge": pad_with_edge,
    SQUASH: None,
    TWICE: _resized_twice,
}


def what_the_encoder_sees(pictures: Tensor, fit: str, size: int) -> Tensor:
    """Pictures (n, H, W, 3), 0..1, as the encoder's squares (n, S, S, 3), before rounding and normalisation.

    Scaled bicubically with antialiasing. For 'crop' the sizes and offsets are those of transformers' CLIP
    image processor, which shortens the long side where the host's own preprocessing rounds it.
    """
    make_square = SQUARE_FITS[fit]
    squares = make_square(pictures) if make_square else pictures
    height, width = squares.shape[1:3]
    scaled = (size, size)
    if fit not in _WHOLE:
        scaled = (max(size * height // min(height, width), size), max(size * width // min(height, width), size))
    pixels = squares.movedim(-1, 1)
    if scaled != (height, width):
        pixels = F.interpolate(pixels, size=scaled, mode="bicubic", antialias=True).clamp(0, 1)
    top, left = (scaled[0] - size) // 2, (scaled[1] - size) // 2
    return pixels[..., top : top + size, left : left + size].movedim(1, -1)
