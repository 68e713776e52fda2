"""Faces -> one soft mask each, for where an adapter or a repaint should act."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .align import alignment
from .needs import opencv
from .value import Array


class Placed(Protocol):
    """What outlines are made of, as in `Face`: all in pixels of one picture."""

    @property
    def keypoints(self) -> Array: ...
    @property
    def box(self) -> Array: ...
    @property
    def oval(self) -> Array | None: ...


Outline = Callable[[Placed], Array]

ELLIPSE = ((56.0, 60.0), (44.0, 58.0))
"""Centre and half axes, in ArcFace's 112-pixel template: from hairline to chin, from cheek to cheek."""


def _ellipse(face: Placed) -> Array:
    """Turns with the face, because it is drawn in the aligned crop and taken back to the picture."""
    angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    (cx, cy), (rx, ry) = ELLIPSE
    points = np.stack([cx + rx * np.cos(angles), cy + ry * np.sin(angles)], axis=1)
    back = opencv().invertAffineTransform(alignment(face.keypoints))
    return (points @ back[:, :2].T + back[:, 2]).astype(np.float32)


def _box(face: Placed) -> Array:
    x0, y0, x1, y1 = face.box
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)


def _oval(face: Placed) -> Array:
    if face.oval is None:
        raise ValueError(
            "The oval of a face is known only from FACE_LANDMARKS. Connect them to Find Faces, or set 'shape' to "
            "ellipse or box."
        )
    hull: Array = opencv().convexHull(np.asarray(face.oval, np.float32)).reshape(-1, 2)
    return hull


@dataclass(frozen=True, eq=False)
class DrawnFace:
    """A face of which nothing is known but its keypoints (5, 2); its box is that of its ellipse."""

    keypoints: Array
    oval: None = None

    @property
    def box(self) -> Array:
        around = _ellipse(self)
        return np.concatenate([around.min(axis=0), around.max(axis=0)])


SHAPES: dict[str, Outline] = {"ellipse": _ellipse, "box": _box, "oval": _oval}


@dataclass(frozen=True)
class Softness:
    """`dilate` moves the edge outwards (negative: inwards), `feather` is the width of its slope; in pixels."""

    dilate: float = 0.0
    feather: float = 0.0

    def __post_init__(self) -> None:
        for name, number in (("dilate", self.dilate), ("feather", self.feather)):
            if not math.isfinite(number):
                raise ValueError(f"'{name}' is {number}; it must be a number of pixels.")


def face_masks(
    faces: Sequence[Placed],
    size: tuple[int, int],
    shape: str = "ellipse",
    soft: Softness | None = None,
    *,
    normalise: bool = True,
) -> Tensor:
    """One mask for each face, (N, H, W) 0..1, on the faces' own picture of (width, height).

    With `normalise` the masks add up to at most 1 where faces overlap.
    """
    soft = soft or Softness()
    masks = [_mask(SHAPES[shape](face), size, soft) for face in faces]
    stacked = torch.from_numpy(np.stack(masks)) if masks else torch.zeros(0, size[1], size[0])
    return normalised(stacked) if normalise else stacked


def normalised(masks: Tensor) -> Tensor:
    """Masks (N, H, W) that add up to at most 1: where they overlap they share, elsewhere they stay bit for bit."""
    return masks / masks.sum(dim=0).clamp(min=1.0)


def centres(masks: Tensor) -> Array:
    """The middle of what each mask (N, H, W) covers, (N, 2) x then y, 0..1. Raises ValueError for an empty one."""
    weights = masks.cpu().double()
    totals = weights.sum(dim=(1, 2))
    if not bool((totals > 0).all()):
        raise ValueError(
            f"mask {int((totals <= 0).nonzero()[0]) + 1} of {len(totals)} is empty, so no face can be near it."
        )
    height, width = masks.shape[1:]
    x = (weights.sum(dim=1) * (torch.arange(width) + 0.5)).sum(dim=1) / totals / width
    y = (weights.sum(dim=2) * (torch.arange(height) + 0.5)).sum(dim=1) / totals / height
    return torch.stack([x, y], dim=1).float().numpy()


def union(masks: Tensor) -> Tensor:
    """(N, H, W) -> (H, W): where any face is."""
    return masks.amax(dim=0) if len(masks) else torch.zeros(masks.shape[1:])


def _mask(outline: Array, size: tuple[int, int], soft: Softness) -> Array:
    reach = abs(soft.dilate) + soft.feather / 2
    distance = _signed_distance(outline, size, reach)
    if soft.feather <= 0:
        return (distance <= soft.dilate).astype(np.float32)
    return np.minimum(np.maximum(0.5 - (distance - soft.dilate) / soft.feather, 0), 1).astype(np.float32)


def _signed_distance(outline: Array, size: tuple[int, int], reach: float) -> Array:
    """Distance of every pixel to the outline's edge, negative inside, true up to `reach`; the picture's border does not count.

    Drawn with a margin, so that a face that is partly outside keeps its true edge. What lies further outside than
    `reach` is not seen from inside: without that limit a long picture would be drawn on a square of thrice its length.
    """
    cv2 = opencv()
    outside = max(-float(outline.min()), float((outline - size).max()), 0.0)
    margin = int(np.ceil(min(outside, reach))) + 2
    inside = np.zeros((size[1] + 2 * margin, size[0] + 2 * margin), np.uint8)
    cv2.fillPoly(inside, [np.round(outline + margin).astype(np.int32)], 1)
    outer: Array = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inner: Array = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = np.where(inside > 0, 0.5 - inner, outer - 0.5)
    return distance[margin : margin + size[1], margin : margin + size[0]]
