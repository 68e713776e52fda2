"""A face -> what about it will cost likeness: how small, unsure, turned away, cropped, dark or blurred it is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .align import alignment, can_crop, crop
from .head_poses import head_fit
from .needs import opencv
from .value import Array, Face

SIDE = 112
"""Pixels of the crop that a recogniser sees."""
STEP = 4
"""Pixels between the points at which it is asked whether the photo goes on there."""
LEAST_CONTRAST = 1.0
SMALLEST = 1e-2
"""Pixels between keypoints below which nothing can be aligned."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A face as its recogniser sees it."""

    face: Face

    @property
    def pixels(self) -> float:
        """The shorter side of the box, in whole pixels."""
        return float(np.floor((self.face.box[2:] - self.face.box[:2]).min()))

    @property
    def score(self) -> float:
        return self.face.score

    @property
    def turn(self) -> float:
        """Degrees by which the head is turned to either side of the camera, from its keypoints."""
        points = np.asarray(self.face.keypoints, np.float64)
        right, down, near = head_fit() @ (points - points.mean(axis=0))
        across = np.array([down[1], -down[0]])
        return float(np.degrees(np.arctan2(abs(near @ across), right @ across)))

    @cached_property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Where in the crop the photo goes on, (SIDE, SIDE)."""
        rows, columns = np.mgrid[STEP // 2 : SIDE : STEP, STEP // 2 : SIDE : STEP]
        matrix = alignment(self.face.keypoints, SIDE)
        points = np.stack([columns.ravel(), rows.ravel()]) - matrix[:, 2:]
        x, y = np.linalg.solve(matrix[:, :2], points).reshape(2, *rows.shape)
        width, height = self.face.picture.size
        grid = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
        return np.kron(grid, np.ones((STEP, STEP), bool))

    @property
    def missing(self) -> float:
        """The share of the crop that the photo does not show, in percent."""
        return 100 * (1 - float(self.inside.mean()))

    @cached_property
    def grey(self) -> Array | None:
        """The crop, (SIDE, SIDE), 0..255; None where neither it nor the photo was kept."""
        if not can_crop(self.face, SIDE) or not self.inside.any():
            return None
        return opencv().cvtColor(crop(self.face, SIDE), opencv().COLOR_RGB2GRAY).astype(np.float32)

    @property
    def brightness(self) -> float | None:
        """Of the brightest twentieth, in percent of white: skin of every colour has lights."""
        return None if self.grey is None else float(np.percentile(self.grey[self.inside], 95)) / 2.55

    @property
    def sharpness(self) -> float | None:
        """Spread of the second derivative at the scale of a pixel, in percent of that of the brightness."""
        inner = opencv().erode(self.inside.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
        if self.grey is None or not inner.any():
            return None
        edges = opencv().Laplacian(opencv().GaussianBlur(self.grey, (0, 0), 1.0), opencv().CV_32F)
        return 100 * float(edges[inner].std()) / max(float(self.grey[inner].std()), LEAST_CONTRAST)


@dataclass(frozen=True)
class Check:
    """A fault's name, how it is measured, the bound, on which side of it is the fault, and what is said of it."""

    name: str
    measured: Callable[[Seen], float | None]
    bound: float
    words: str
    is_above: bool = False

    def of(self, seen: Seen) -> str:
        """The fault in words; empty where there is none, or nothing to measure."""
        value = self.measured(seen)
        if value is None or (value <= self.bound if self.is_above else value >= self.bound):
            return ""
        return self.words.format(value)


# Photos of five people made smaller, cut, darker and blurred, and the cosine to the whole photo's embedding
# (w600k_mbf): 0.94 at 40 pixels, 0.74 at 20; 0.92 with 35 % of the crop missing, 0.65 with 67 %; 0.86 at 10 % of white,
# 0.67 at 4 %; 0.94 at a sharpness of 9 %, 0.76 at 5 %. Sharp photos have 10 % and more, a scan of 1927 6 to 10.
CHECKS = (
    Check("small", lambda seen: seen.pixels, 40, "small ({:.0f} pixels)"),
    Check("unsure", lambda seen: seen.score, 0.65, "the detector is unsure (score {:.2f})"),
    Check("turned away", lambda seen: seen.turn, 45, "turned away (by about {:.0f} degrees)", is_above=True),
    Check("cropped", lambda seen: seen.missing, 30, "cropped (the photo ends, {:.0f} % are missing)", is_above=True),
    Check("dark", lambda seen: seen.brightness, 12, "dark (its lights have {:.0f} % of white)"),
    Check("blurred", lambda seen: seen.sharpness, 6, "blurred"),
)


@dataclass(frozen=True)
class Quality:
    """What costs a face its likeness: short names, and the same in words with the figures; both empty if nothing does."""

    names: tuple[str, ...]
    words: tuple[str, ...]


def quality(face: Face) -> Quality:
    """The CHECKS that a face fails; what only pixels tell is left out where neither photo nor crop was kept.

    A face whose keypoints all lie in one place has none of these faults: it is none, and embedding it says so.
    """
    if float(np.ptp(face.keypoints, axis=0).max()) < SMALLEST:
        return Quality((), ())
    seen = Seen(face)
    failed = [(check.name, words) for check in CHECKS if (words := check.of(seen))]
    return Quality(tuple(name for name, _ in failed), tuple(words for _, words in failed))
