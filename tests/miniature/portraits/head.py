"""Where the parts of a head are seen: ellipsoids and planes of a turned head, met by one ray for each pixel.

Head coordinates are those of the pack's poses (`face/head_poses.py`): right, down and towards the viewer from the middle
between the eyes, which are 1 apart. The head is seen from afar, so all rays are parallel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy
from numpy import ndarray
from pack.face.head_poses import HEAD, turned_head

NOWHERE = -1e3
"""How near a ray's point is where it meets nothing."""


@dataclass(frozen=True)
class Pose:
    """Where a head is and how it is held."""

    centre: tuple[float, float]  # of the five keypoints, pixels
    unit: float  # distance of the eyes seen from the front, pixels
    yaw: float  # degrees to the right of the picture
    pitch: float  # degrees upwards
    roll: float  # degrees clockwise


def keypoints(pose: Pose) -> ndarray:
    """The five keypoints (5, 2) in pixels, in the order of InsightFace."""
    return turned_head(pose.yaw, pose.pitch, pose.roll) * pose.unit + numpy.array(pose.centre)


def turning(pose: Pose) -> ndarray:
    """The rotation (3, 3) from head coordinates to those of the picture: right, down and towards the viewer."""
    yaw, pitch, roll = (math.radians(angle) for angle in (pose.yaw, pose.pitch, pose.roll))
    across = numpy.array([math.cos(yaw), 0, math.sin(yaw)])
    along = numpy.array([-math.sin(yaw), 0, math.cos(yaw)])
    down = numpy.array([0, math.cos(pitch), 0]) - math.sin(pitch) * along
    near = numpy.array([0, math.sin(pitch), 0]) + math.cos(pitch) * along
    right = across * math.cos(roll) - down * math.sin(roll)
    return numpy.stack([right, across * math.sin(roll) + down * math.cos(roll), near])


@dataclass(frozen=True)
class Hit:
    """What rays meet of one part: how near (H, W), NOWHERE where they miss, and at which points of the head (3, H, W)."""

    near: ndarray
    point: ndarray

    @property
    def there(self) -> ndarray:
        return self.near > NOWHERE


class Rays:
    """One ray for each pixel of a square picture of `side` pixels, drawn `fine` times as large."""

    def __init__(self, pose: Pose, side: int, fine: int) -> None:
        self.turn = turning(pose).astype(numpy.float32)
        steps = (numpy.arange(side * fine, dtype=numpy.float32) + 0.5) / fine
        flat = numpy.stack(numpy.meshgrid(steps, steps)) - numpy.array(pose.centre, numpy.float32)[:, None, None]
        self.flat = flat / pose.unit  # (2, H, W): right and down in the picture
        self.middle = HEAD.mean(axis=0).astype(numpy.float32)
        self.start = numpy.tensordot(self.turn[:2].T, self.flat, 1) + self.middle[:, None, None]
        self.way = self.turn[2]

    def seen(self, point: tuple[float, float, float]) -> tuple[float, float]:
        """How far right and down of the centre a point of the head is seen, in distances of the eyes."""
        right, down = self.turn[:2] @ (numpy.array(point, numpy.float32) - self.middle)
        return float(right), float(down)

    def ellipsoid(self, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Hit:
        """The nearer side of an ellipsoid whose axes are those of the head."""
        size = numpy.array(radii, numpy.float32)
        way = self.way / size
        start = (self.start - numpy.array(centre, numpy.float32)[:, None, None]) / size[:, None, None]
        square, half = float(way @ way), numpy.tensordot(way, start, 1)
        inside = half * half - square * ((start * start).sum(0) - 1)
        near = numpy.where(inside > 0, (numpy.sqrt(numpy.maximum(inside, 0)) - half) / square, NOWHERE)
        return self._hit(near)

    def plane(self, axis: int, place: float) -> Hit:
        """The plane on which one head coordinate has this value; edge-on it is met nowhere."""
        along = float(self.way[axis])
        if abs(along) < 0.05:
            return Hit(numpy.full(self.start.shape[1:], NOWHERE, numpy.float32), self.start)
        return self._hit((place - self.start[axis]) / along)

    def _hit(self, near: ndarray) -> Hit:
        return Hit(near, self.start + near * self.way[:, None, None])
