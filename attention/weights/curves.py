"""The named courses of a factor over sampling: a table of shapes between two factors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .schedule import Schedule

Shape = Callable[[float], float]
CONSTANT = "constant"
_PIECES = 32  # straight lines that a curve is made of


def _always(number: float) -> Shape:
    return lambda _u: number


@dataclass(frozen=True)
class Curve:
    """A row: factor(u) = envelope(u) * (first + (last - first) * way(u)), u being the percent of sampling, 0..1."""

    way: Shape = _always(0.0)
    envelope: Shape = _always(1.0)
    pieces: int = _PIECES


CURVES: Mapping[str, Curve] = MappingProxyType(
    {
        CONSTANT: Curve(pieces=0),
        "linear": Curve(way=lambda u: u, pieces=1),
        "ease in": Curve(way=lambda u: 1 - math.cos(math.pi * u / 2)),
        "ease out": Curve(way=lambda u: math.sin(math.pi * u / 2)),
        "ease in-out": Curve(way=lambda u: (1 - math.cos(math.pi * u)) / 2),
        "fade in": Curve(envelope=lambda u: u, pieces=1),
        "fade out": Curve(envelope=lambda u: 1 - u, pieces=1),
        "hump": Curve(envelope=lambda u: math.sin(math.pi * u)),
        "dip": Curve(envelope=lambda u: 1 - math.sin(math.pi * u)),
    }
)

TO_LAST = tuple(name for name, curve in CURVES.items() if curve.way(1.0))
"""The curves that go from the first factor to the last."""


def schedule_of(name: str, first: float, last: float) -> Schedule:
    """A named course from factor `first` to factor `last`. Raises ValueError for a name that is not in the table."""
    if name not in CURVES:
        raise ValueError(f"there is no curve '{name}'; choose one of: {', '.join(CURVES)}.")
    curve = CURVES[name]

    def point(u: float) -> tuple[float, float]:
        return u, curve.envelope(u) * (first + (last - first) * curve.way(u))

    return Schedule(tuple(point(i / max(curve.pieces, 1)) for i in range(curve.pieces + 1)))
