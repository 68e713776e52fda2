"""When a branch acts, its factor over the course of sampling, and that course as seen from a noise level."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """The part of sampling in which something acts: start <= progress <= end, 0..1."""

    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end <= 1:
            raise ValueError(
                f"start_percent {self.start} and end_percent {self.end} must be between 0 and 1, and the start must not "
                "be after the end."
            )


WHOLE = Range()


@dataclass(frozen=True)
class Schedule:
    """A factor for every part of sampling, by straight lines between points (percent 0..1, factor)."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        percents = [percent for percent, _ in self.points]
        if not self.points or percents != sorted(percents):
            raise ValueError(
                f"a weight schedule needs one point or more, in the order of their percents, found {percents}."
            )
        if not all(math.isfinite(number) for point in self.points for number in point):
            raise ValueError(f"the points of a weight schedule must be finite numbers, found {self.points}.")

    def factor(self, percent: float) -> float:
        """The factor at `percent`; before the first and after the last point it stays as there."""
        return _between(self.points, percent)


def _between(points: Sequence[tuple[float, float]], x: float) -> float:
    right = bisect_right(points, x, key=lambda point: point[0])
    if right == 0:
        return points[0][1]
    if right == len(points):
        return points[-1][1]
    (x0, y0), (x1, y1) = points[right - 1], points[right]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


class Course:
    """The percent of sampling at each noise level of a model: the inverse of its `percent_to_sigma`."""

    def __init__(self, model_sampling: Any, resolution: int = 1000) -> None:
        percents = [i / resolution for i in range(resolution, 0, -1)]
        # Percent 0 is left out: the host gives it a noise level beyond every other.
        self._points = sorted((float(model_sampling.percent_to_sigma(percent)), percent) for percent in percents)

    def percent(self, sigma: float) -> float:
        return _between(self._points, sigma)
