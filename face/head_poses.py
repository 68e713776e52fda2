"""Named poses of a head -> where its five keypoints are seen."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from .value import Array, frozen

HEAD = frozen([(-0.5, 0.0, 0.0), (0.5, 0.0, 0.0), (0.0, 0.571, 0.534), (-0.414, 1.155, 0.118), (0.414, 1.155, 0.118)])
"""(5, 3): right, down and towards the viewer, the eyes being 1 apart.

Right and down are ArcFace's template of five points, depth is InsightFace's mean face of 68 points (its eyes' middles,
tip of the nose, corners of the mouth), both made symmetrical.
"""

POSES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "frontal": (0.0, 0.0),
        "three-quarter left": (-40.0, 0.0),
        "three-quarter right": (40.0, 0.0),
        "profile left": (-75.0, 0.0),
        "profile right": (75.0, 0.0),
        "up": (0.0, 25.0),
        "down": (0.0, -25.0),
    }
)
"""Name -> yaw to the right of the picture and pitch upwards, in degrees."""


def pose_keypoints(name: str) -> Array:
    """Keypoints (5, 2) of HEAD in a pose of POSES, seen from afar; their middle is (0, 0)."""
    return turned_head(*POSES[name])


def turned_head(yaw: float, pitch: float, roll: float = 0.0) -> Array:
    """Keypoints (5, 2) of HEAD, turned to the right of the picture, then upwards, then tilted clockwise, in degrees."""
    right, down, near = (HEAD - HEAD.mean(axis=0)).astype(np.float64).T
    yaw, pitch, roll = (math.radians(angle) for angle in (yaw, pitch, roll))
    x = right * math.cos(yaw) + near * math.sin(yaw)
    near = near * math.cos(yaw) - right * math.sin(yaw)
    y = down * math.cos(pitch) - near * math.sin(pitch)
    return frozen(np.stack([x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)], axis=1))


def head_fit() -> Array:
    """The (3, 5) matrix that, times keypoints (5, 2) about their middle, gives how HEAD is seen (least squares).

    The result (3, 2) says where one step right, down and near goes: its length is the head's scale, its second row
    tells how far the head is tilted.
    """
    return frozen(np.linalg.pinv((HEAD - HEAD.mean(axis=0)).astype(np.float64)))
