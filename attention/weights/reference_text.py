"""Weights of references from text: numbers, or a list of settings as the editor on the node writes it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from .schedule import Range, Schedule
from .schedule_text import parse_numbers, parse_points

Point = tuple[float, float]
"""Across and down, as shares of the picture's width and height."""
LATENT, REDUX = "latent", "redux"
"""What a reference is to a model: a latent whose tokens follow the canvas's, or Redux tokens at the end of the text."""
FORM = (
    "Write a weight for each reference, such as '0.8, 0.5', or a list of settings, such as "
    '[{"weight": 0.8, "start": 0, "end": 0.6}, {"of": "redux", "weight": 0.5}].'
)


@dataclass(frozen=True)
class ReferenceSetting:
    """What a person set a reference to. `number` counts those of its source from 1.

    `regions` are outlines drawn on the canvas, within which alone it may act; none for everywhere.
    """

    number: int
    source: str = LATENT
    weight: float = 1.0
    range: Range = Range()
    schedule: Schedule | None = None
    regions: tuple[tuple[Point, ...], ...] = ()


def parse_references(text: str) -> tuple[ReferenceSetting, ...]:
    """The settings of references in the order of the text, which numbers them; raises ValueError with what was expected."""
    if not text.lstrip().startswith("["):
        try:
            weights = parse_numbers(text)
        except ValueError as error:
            raise ValueError(f"{error} {FORM}") from None
        return tuple(ReferenceSetting(i, weight=weight) for i, weight in enumerate(weights, 1))
    try:
        rows: list[Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"'references' cannot be read: {error}. {FORM}") from None
    counts = {LATENT: 0, REDUX: 0}
    found: list[ReferenceSetting] = []
    for place, row in enumerate(rows, 1):
        try:
            source = _source(row)
            counts[source] += 1
            found.append(_setting(counts[source], source, row))
        except (ValueError, TypeError) as error:
            raise ValueError(f"row {place} of 'references': {error} {FORM}") from None
    return tuple(found)


KEYS = ("of", "weight", "start", "end", "schedule", "mask")


def _source(row: object) -> str:
    if not isinstance(row, dict):
        raise ValueError(f"expected settings in braces, found {row!r}.")
    settings = cast(Mapping[str, Any], row)
    unknown = [key for key in settings if key not in KEYS]
    if unknown:
        raise ValueError(f"there is no setting '{unknown[0]}'; there are {', '.join(KEYS)}.")
    source = settings.get("of", LATENT)
    if source not in (LATENT, REDUX):
        raise ValueError(f"'of' is {source!r}; it must be '{LATENT}' or '{REDUX}'.")
    return source


def _setting(number: int, source: str, row: Mapping[str, Any]) -> ReferenceSetting:
    text = row.get("schedule", "")
    if not isinstance(text, str):
        raise ValueError(f"'schedule' is {text!r}; it must be a text such as '0:1, 1:0'.")
    return ReferenceSetting(
        number,
        source,
        _number(row, "weight", 1.0),
        Range(_number(row, "start", 0.0), _number(row, "end", 1.0)),
        parse_points(text) if text.strip() else None,
        tuple(_outline(outline) for outline in _outlines(row)),
    )


def _number(row: Mapping[str, Any], name: str, default: float) -> float:
    found = row.get(name, default)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
        raise ValueError(f"'{name}' is {found!r}; it must be a number.")
    return float(found)


def _outlines(row: Mapping[str, Any]) -> list[Any]:
    found = row.get("mask", [])
    if not isinstance(found, list):
        raise _no_outlines(repr(found))
    return cast(list[Any], found)


def _no_outlines(found: str) -> ValueError:
    return ValueError(
        f"'mask' must be a list of outlines, each of three points or more, [across, down] from 0 to 1; found {found}."
    )


def _outline(points: object) -> tuple[Point, ...]:
    """Three points or more. Raises ValueError where they are not within the picture, or not points."""
    found = cast(list[Any], points) if isinstance(points, list) else []
    is_outline = len(found) > 2 and all(
        isinstance(point, list)
        and len(cast(list[Any], point)) == 2
        and all(isinstance(n, (int, float)) and -1 <= n <= 2 for n in cast(list[Any], point))
        for point in found
    )
    if not is_outline:
        raise _no_outlines(str(points)[:60])
    return tuple((float(x), float(y)) for x, y in found)
