"""Lines of head poses -> the keypoints of one picture for each line: heads as large and as far apart as a frame wants."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from .head_poses import POSES, turned_head
from .pose import KeypointSheet
from .value import Array, frozen

HEIGHT, WIDTH = 116 / 35.24, 88 / 35.24
"""Of a head, from hairline to chin and from cheek to cheek, in distances of its eyes: the ellipse of masks.py."""
ABOVE = 0.338
"""How far its middle is above that of the five points, in the same."""
ROOM = 1.5
"""Widths of a head that one person among several has to stand in."""
MOST = 64
"""Pictures of a sheet."""
CROWD = 8
"""People in a picture."""


@dataclass(frozen=True)
class Frame:
    """The part of the picture's height that a head takes, and how far down its middle is."""

    head: float
    middle: float


FRAMES: Mapping[str, Frame] = MappingProxyType(
    {"portrait": Frame(0.38, 0.42), "half length": Frame(0.18, 0.26), "full figure": Frame(0.09, 0.14)}
)
TURNAROUND = ("profile left", "three-quarter left", "frontal", "three-quarter right", "profile right")
"""The poses of an empty text."""


@dataclass(frozen=True)
class HeadPose:
    """Degrees: turned to the right of the picture, upwards, and tilted clockwise as seen."""

    yaw: float
    pitch: float
    roll: float = 0.0


def parse_poses(text: str) -> tuple[tuple[HeadPose, ...], ...]:
    """A picture for each line, and in it a pose for each person, parted by ';': a name of POSES, or two or three numbers.

    An empty text is TURNAROUND. Raises ValueError that names the line and what is wrong with it.
    """
    lines = [line for line in text.splitlines() if line.strip()] or list(TURNAROUND)
    if len(lines) > MOST:
        raise ValueError(f"'poses' has {len(lines)} lines, one for each picture; at most {MOST} are drawn at once.")
    return tuple(_line(line, number) for number, line in enumerate(lines, 1))


def pose_sheets(
    poses: tuple[tuple[HeadPose, ...], ...], people: int, frame: Frame, size: tuple[int, int]
) -> tuple[KeypointSheet, ...]:
    """The keypoints of each picture of (width, height): `people` heads from left to right, at the same places in all.

    In a line with fewer poses than people the last pose is everybody's else; with more it raises ValueError.
    """
    for number, line in enumerate(poses, 1):
        if len(line) > people:
            raise ValueError(
                f"Line {number} of 'poses' has {len(line)} poses parted by ';', but 'people' is {people}. Raise 'people', "
                "or write each pose on a line of its own for a picture of its own."
            )
    return tuple(
        KeypointSheet(size, tuple(_placed(line[min(i, len(line) - 1)], i, people, frame, size) for i in range(people)))
        for line in poses
    )


def _placed(pose: HeadPose, place: int, people: int, frame: Frame, size: tuple[int, int]) -> Array:
    width, height = size
    share = width / people
    scale = min(frame.head * height / HEIGHT, share / (WIDTH * (ROOM if people > 1 else 1)))
    tilt = math.radians(pose.roll)
    below = ABOVE * scale * np.array([-math.sin(tilt), math.cos(tilt)])
    middle = np.array([(place + 0.5) * share, frame.middle * height])
    return frozen(turned_head(pose.yaw, pose.pitch, pose.roll) * scale + middle + below)


def _line(line: str, number: int) -> tuple[HeadPose, ...]:
    words = [word.strip() for word in line.split(";")]
    if len(words) > CROWD:
        raise ValueError(f"Line {number} of 'poses' has {len(words)} poses; a picture has at most {CROWD} people.")
    return tuple(_pose(word, number) for word in words)


def _pose(word: str, number: int) -> HeadPose:
    if word.lower() in POSES:
        return HeadPose(*POSES[word.lower()])
    parts = re.split(r"[\s,]+", word)
    try:
        angles = [float(part) for part in parts]
    except ValueError:
        angles = []
    if len(angles) not in (2, 3) or not all(abs(angle) <= 180 for angle in angles):
        raise ValueError(
            f"Line {number} of 'poses': '{word[:60]}' is no pose of a head. Write {', '.join(POSES)}, or degrees from -180 to "
            "180: to the right, upwards and, if wanted, tilted clockwise, as '-40 10 5'. People of one picture are parted by ';'."
        )
    return HeadPose(*angles)
