"""Keypoint pictures -> what a ControlNet sees of them in one call: each row's own, cut to its area."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from comfy.utils import common_upscale
from torch import Tensor

from ..inputs import check_number
from ..sampling.call import PictureArea
from ..weights.schedule import WHOLE, Range


@dataclass(frozen=True, eq=False)
class Hint:
    """What to show an IdentityNet, how strongly and when.

    `image` (n, H, W, 3), 0..1, RGB: picture i of a batch is given hint i, the last one for all that follow.
    `strength` multiplies the residuals, `range` says when it acts. `vae` is the host's, for nets that see a latent.
    """

    image: Tensor
    strength: float = 1.0
    range: Range = WHOLE
    vae: Any = None

    def __post_init__(self) -> None:
        check_number(self.strength, "IdentityNet's strength")
        if self.image.ndim != 4 or self.image.shape[-1] < 3 or not len(self.image):
            raise ValueError(
                f"the keypoint picture has the shape {tuple(self.image.shape)}; it must be three-channel pictures "
                "(n, height, width, 3)."
            )


@dataclass(frozen=True)
class Sizing:
    """How a net wants its hint: pixels for each latent cell and, once it is prepared, numbers; the host's name of the
    resizing, and the preparation, which takes pixels (n, 3, H, W).
    """

    pixels: int
    cell: int
    algorithm: str
    prepare: Callable[[Tensor], Tensor]


def hint_rows(pictures: Tensor, areas: Sequence[PictureArea], latent: tuple[int, int], sizing: Sizing) -> Tensor:
    """Pictures (n, 3, H, W) as hints (rows, C, h, w), one row for each area.

    The host squeezes a whole hint into the area of an area conditioning, and keeps it for the next area of the
    same size. Here the hint is resized to the whole canvas by the host's rule and then cut as the latent was,
    so that the keypoints stay where they were drawn. `latent` is the size of the call's latent.
    """
    shown = {each: _shown(pictures, each, latent, sizing) for each in set(areas)}
    return torch.cat([shown[each] for each in areas])


def _shown(pictures: Tensor, each: PictureArea, latent: tuple[int, int], sizing: Sizing) -> Tensor:
    index, area = each
    height, width = latent if area is None else area.canvas
    picture = pictures[index : index + 1]
    whole = common_upscale(picture, width * sizing.pixels, height * sizing.pixels, sizing.algorithm, "center")
    whole = sizing.prepare(whole)
    if area is None:
        return whole
    top, left = area.top * sizing.cell, area.left * sizing.cell
    return whole[..., top : top + area.height * sizing.cell, left : left + area.width * sizing.cell]
