"""Masks of people -> a picture of them: each tinted in the person's colour, with its number, over the photo."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .colours import of_person
from .needs import opencv
from .pose import fitted
from .preview import label, small
from .value import PictureFaces, Pixels

LONGEST = 1024
TINT = 0.55
"""How much of a person's colour lies over the photo where the mask is 1."""


def tinted(masks: Tensor, numbers: Sequence[int], entry: PictureFaces | None = None, fit: str = "fit") -> Pixels:
    """(H, W, 3) RGB, at most LONGEST long, of masks (N, H, W) 0..1; over black where there is no photo.

    `numbers` are those of the people, from 1; `fit` is how the photo came to the size of the masks, as in `fitted`.
    """
    height, width = masks.shape[1:]
    scale = min(LONGEST / max(height, width), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    ground = np.zeros((size[1], size[0], 3), np.uint8) if entry is None else _placed(small(entry), size, fit)
    if not len(masks):
        return ground
    shares = torch.nn.functional.interpolate(masks[:, None].float().cpu(), (size[1], size[0]), mode="area")[:, 0] * TINT
    shares = shares / shares.sum(dim=0).clamp(min=1.0)
    colours = torch.tensor([of_person(number - 1) for number in numbers], dtype=torch.float32)
    mixed = torch.from_numpy(ground).float() * (1 - shares.sum(dim=0))[..., None]
    mixed = mixed + torch.einsum("n h w, n c -> h w c", shares, colours)
    drawn = np.ascontiguousarray(mixed.round().clamp(0, 255).byte().numpy())
    for person, mask in zip(numbers, shares, strict=True):
        if bool(mask.any()):
            label(drawn, str(person), _middle(mask), max(max(size) / 1400, 0.35), of_person(person - 1))
    return drawn


def _placed(picture: Pixels, size: tuple[int, int], fit: str) -> Pixels:
    """A picture on a black canvas of (width, height), as its keypoints are placed there."""
    source = picture.shape[1], picture.shape[0]
    (x, y), (right, bottom) = fitted(np.array([(0, 0), source], np.float32), source, size, fit).tolist()
    matrix = np.array([[(right - x) / source[0], 0, x], [0, (bottom - y) / source[1], y]])
    return opencv().warpAffine(picture, matrix, size, flags=opencv().INTER_LINEAR)


def _middle(mask: Tensor) -> Sequence[int]:
    rows, columns = (mask > mask.max() / 2).nonzero(as_tuple=True)
    return int(columns.float().mean()), int(rows.float().mean())
