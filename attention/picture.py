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


def unchanged(pictures: Tensor) -> Tensor:
    return pictures


# Name on the node -> (what makes it square first, whether the encoder's preprocessing then cuts out the centre
# rather than squashing the whole).
FITS: Mapping[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "crop": (unchanged, True),
    "pad": (pad_with_mean, True),
    "pad edge": (pad_with_edge, True),
    "squash": (unchanged, False),
}
