"""Faces -> what about them will cost likeness, in words for a node and in a badge."""

from __future__ import annotations

from ...face.person_numbers import numbers_of
from ...face.quality import quality
from ...face.value import Face, FaceBatch, PictureFaces

MOST = 3
"""Faces of one picture that are described: in a crowd the small ones in the background are many."""


def quality_lines(batch: FaceBatch) -> list[str]:
    """A line for each of the largest faces of every picture that something is wrong with."""
    return [line for entry in batch for line in _lines(entry)]


def quality_badges(batch: FaceBatch) -> list[str]:
    """What is wrong with the largest face of any picture; nothing where nothing is."""
    largest = [max(entry.faces, key=_area) for entry in batch if entry.faces]
    names = dict.fromkeys(name for face in largest for name in quality(face).names)
    return [f"less likeness: {', '.join(names)}"] if names else []


def _lines(entry: PictureFaces) -> list[str]:
    numbered = zip(numbers_of(entry.faces), entry.faces, strict=True)
    faces = sorted(numbered, key=lambda pair: -_area(pair[1]))
    found = [(number, quality(face).words) for number, face in faces]
    weak = [(number, words) for number, words in found if words]
    lines = [
        f"{entry.picture.name}{f', face {number}' if len(faces) > 1 else ''}: {', '.join(words)}; expect less likeness"
        for number, words in weak[:MOST]
    ]
    more = len(weak) - MOST
    return [*lines, f"{entry.picture.name}: and {more} smaller ones"] if more > 0 else lines


def _area(face: Face) -> float:
    return face.area
