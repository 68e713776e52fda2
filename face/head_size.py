"""Five keypoints -> how high the head is that they are of, from hairline to chin."""

import numpy as np

from .head_poses import head_fit
from .pose_sheet import HEIGHT
from .value import Array

SMALL = 0.1
"""Share of a picture's height under which a head keeps little likeness."""


def head_height(keypoints: Array) -> float:
    """In pixels of the keypoints (5, 2), however the head is turned; as web/editor/framing.js has it."""
    points = np.asarray(keypoints, np.float64)
    right, down = (head_fit() @ (points - points.mean(axis=0)))[:2]
    # The mean of the two lengths by which a head seen from the front would be drawn.
    area = np.sqrt(max(right @ right * (down @ down) - (right @ down) ** 2, 0.0))
    return HEIGHT * float(np.sqrt(right @ right + down @ down + 2 * area)) / 2
