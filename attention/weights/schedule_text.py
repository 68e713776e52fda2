"""Schedules and factors of pictures from text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from .schedule import Schedule

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_POINT = re.compile(rf"\s*({_NUMBER})\s*:\s*({_NUMBER})\s*", re.ASCII)


def parse_points(text: str) -> Schedule:
    """A course from 'percent:factor' pairs such as '0:1, 0.5:0.3, 1:0'; the same percent twice makes a jump.

    Raises ValueError with what was expected.
    """
    points: list[tuple[float, float]] = []
    for part in _parts(text):
        match = _POINT.fullmatch(part)
        if match is None or not 0 <= float(match[1]) <= 1:
            raise ValueError(
                f"'{part}' is not a point of a schedule. Write 'percent:factor' pairs such as '0:1, 0.5:0.3, 1:0', "
                "percents from 0 to 1."
            )
        points.append((float(match[1]), float(match[2])))
    return Schedule(tuple(points))


def parse_numbers(text: str) -> tuple[float, ...]:
    """Numbers from text such as '1.0, 0.5, 0'; empty text gives none. Raises ValueError naming what is not one."""
    found: list[float] = []
    for part in _parts(text):
        if not re.fullmatch(_NUMBER, part, re.ASCII) or not math.isfinite(float(part)):
            raise ValueError(
                f"'{part}' is not a number. Write numbers with commas between them, such as '1.0, 0.5, 0'."
            )
        found.append(float(part))
    return tuple(found)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]


BETWEEN: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "none": lambda _u: 0.0,
        "linear": lambda u: u,
        "ease": lambda u: (1 - math.cos(math.pi * u)) / 2,
    }
)
"""Name -> how far a factor has come from one number to the next at u, 0..1."""


def spread(numbers: tuple[float, ...], count: int, between: str) -> tuple[float, ...]:
    """`count` factors that run through `numbers`: the first and last at the ends, the others evenly between.

    With 'none' each number holds for its equal share of the pictures. 0 pictures leaves the numbers as they are.
    """
    if between not in BETWEEN:
        raise ValueError(f"there is no way to fill in called '{between}'; choose one of: {', '.join(BETWEEN)}.")
    if not numbers or not count:
        return numbers
    if between == "none":
        return tuple(numbers[i * len(numbers) // count] for i in range(count))
    return tuple(_at(numbers, i * (len(numbers) - 1) / max(count - 1, 1), BETWEEN[between]) for i in range(count))


def _at(numbers: tuple[float, ...], place: float, way: Callable[[float], float]) -> float:
    left = min(int(place), len(numbers) - 1)
    right = min(left + 1, len(numbers) - 1)
    return numbers[left] + (numbers[right] - numbers[left]) * way(place - left)
