"""Keypoints -> moved, turned, scaled, mirrored or fitted keypoints for a new pose, and from and to JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from .value import KEYPOINT_NAMES, Array, Face, frozen

MIRRORED = (1, 0, 2, 4, 3)
"""Which point ends up where after mirroring: left and right are as seen in the picture."""

CANVAS_FITS = ("fit", "fill", "stretch")
LONGEST = 1_000_000
"""Characters of JSON: enough for thousands of faces."""
FARTHEST = 100_000
"""Pixels from the corner of the canvas: no picture is so large."""


@dataclass(frozen=True)
class Pose:
    """Mirror, then scale and turn (degrees, clockwise as seen) about the middle, then shift (pixels)."""

    scale: float = 1.0
    rotation: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    mirror: bool = False

    def __post_init__(self) -> None:
        for name in ("scale", "rotation", "shift_x", "shift_y"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"'{name}' is {getattr(self, name)}; it must be a number.")


@dataclass(frozen=True, eq=False)
class KeypointSheet:
    """Keypoints (5, 2) of several faces, the size (width, height) of the canvas they are meant for, and whose they are."""

    size: tuple[int, int]
    faces: tuple[Array, ...]
    people: tuple[int, ...] = ()
    """numbers from 1, see person_numbers.py; nothing where they are the places"""

    @property
    def numbers(self) -> tuple[int, ...]:
        return self.people or tuple(range(1, len(self.faces) + 1))


def posed(keypoints: Array, pose: Pose, size: tuple[int, int], about: Array | None = None) -> Array:
    """Keypoints (5, 2) in a new pose, on a canvas of (width, height).

    Turned and scaled about `about` (2,), by default the middle of the five points; mirrored on the canvas.
    """
    points = np.asarray(keypoints, np.float64)
    centre = points.mean(axis=0) if about is None else np.asarray(about, np.float64)
    if pose.mirror:
        flip = np.array([size[0] - 1, 0.0]), np.array([-1.0, 1.0])
        points, centre = (flip[0] + flip[1] * points)[list(MIRRORED)], flip[0] + flip[1] * centre
    turn = math.radians(pose.rotation)
    matrix = pose.scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return frozen((points - centre) @ np.transpose(matrix) + centre + (pose.shift_x, pose.shift_y))


def fitted(keypoints: Array, source: tuple[int, int], target: tuple[int, int], how: str = "fit") -> Array:
    """Keypoints of a picture of size `source` (width, height) on a canvas of size `target`.

    "fit" shows the whole picture, "fill" covers the whole canvas, both centred; "stretch" fits each side.
    """
    ratios = np.array(target, np.float64) / np.array(source, np.float64)
    scale = {"fit": np.full(2, ratios.min()), "fill": np.full(2, ratios.max()), "stretch": ratios}[how]
    margin = (np.array(target, np.float64) - scale * np.array(source, np.float64)) / 2
    return frozen(np.asarray(keypoints, np.float64) * scale + margin)


def moved(keypoints: Array, scale: tuple[float, float], offset: tuple[float, float]) -> Array:
    """Keypoints (5, 2) in pixels after each was multiplied by `scale` and shifted by `offset` pixels, both (x, y)."""
    return frozen(np.asarray(keypoints, np.float64) * scale + offset)


def fitted_face(face: Face, target: tuple[int, int], how: str = "fit") -> Face:
    """A face with all its points on another canvas, for drawing and masks; its pixels stay where they were."""
    size = face.picture.size
    return replace(
        face,
        keypoints=fitted(face.keypoints, size, target, how),
        box=fitted(face.box.reshape(2, 2), size, target, how).reshape(4),
        oval=None if face.oval is None else fitted(face.oval, size, target, how),
    )


def to_json(sheet: KeypointSheet) -> str:
    """{"width": W, "height": H, "faces": [[[x, y], five times], ...]}, and "people" where their numbers are not their places."""
    faces = [[[round(float(x), 3), round(float(y), 3)] for x, y in points] for points in sheet.faces]
    are_places = sheet.numbers == tuple(range(1, len(faces) + 1))
    people = {} if are_places else {"people": sheet.numbers}
    return json.dumps({"width": sheet.size[0], "height": sheet.size[1], "faces": faces, **people})


def from_json(text: str) -> KeypointSheet:
    """Read what `to_json` writes; raises ValueError that says what is wrong and where."""
    if len(text) > LONGEST:
        raise ValueError(f"The keypoints are {len(text):,} characters long; more than {LONGEST:,} are not read.")
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The keypoints are not JSON: {_short(error)}.") from error
    if not isinstance(data, dict) or not {"width", "height", "faces"} <= set(cast("dict[str, Any]", data)):
        raise ValueError('Keypoints must look like {"width": 1024, "height": 1024, "faces": [[[x, y], ...five], ...]}.')
    fields = cast("dict[str, Any]", data)
    width, height = (_side(fields[name], name) for name in ("width", "height"))
    if not isinstance(fields["faces"], list):
        raise ValueError(f"'faces' must be a list of faces, found {type(fields['faces']).__name__}.")
    faces = cast("list[Any]", fields["faces"])
    people = _people(fields.get("people", []), len(faces))
    return KeypointSheet((width, height), tuple(_points(face, i) for i, face in enumerate(faces)), people)


def _people(found: Any, count: int) -> tuple[int, ...]:
    numbers = cast("list[Any]", found) if isinstance(found, list) else [""]
    are_numbers = all(
        isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**6 for number in numbers
    )
    if not are_numbers or (numbers and not len(numbers) == len(set(numbers)) == count):
        raise ValueError(
            f"'people' must be a number from 1 for each of the {count} faces, none twice, found {_short(found)}."
        )
    return tuple(int(number) for number in numbers)


def _side(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16384:
        raise ValueError(f"'{name}' must be a whole number from 1 to 16384, found {_short(value)}.")
    return value


def _points(face: Any, index: int) -> Array:
    points = cast("Sequence[Any]", face) if isinstance(face, list) else ()
    if len(points) != 5 or not all(_is_point(point) for point in points):
        raise ValueError(
            f"Face {index} must be five points [x, y] ({', '.join(KEYPOINT_NAMES)}) "
            f"at most {FARTHEST:,} pixels away, found {_short(face)}."
        )
    return frozen(points)


def _is_point(point: Any) -> bool:
    if not isinstance(point, list):
        return False
    numbers = cast("list[Any]", point)
    return len(numbers) == 2 and all(
        isinstance(n, int | float) and not isinstance(n, bool) and -FARTHEST <= n <= FARTHEST for n in numbers
    )


def _short(found: Any) -> str:
    text = str(found) if isinstance(found, Exception) else repr(found)
    return text if len(text) <= 200 else f"{text[:200]}..."
