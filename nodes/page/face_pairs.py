"""Faces and the one they are compared with -> what the page needs to show them side by side with their likeness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...face.crops import SIDE, lineup
from ...face.person_numbers import numbers_of
from ...face.value import Face
from .pickable_faces import file_of
from .show import MOST


def people_pairs(found: Sequence[Face], people: Sequence[Face], bounds: tuple[float, float]) -> list[dict[str, Any]]:
    """For each of several people, in the form of `pairs`, the found face that is most like them, and the person's number."""
    from ...face.similarity import cosine

    told: list[dict[str, Any]] = []
    for person, number in zip(people, numbers_of(people), strict=True):
        face = max(found, key=lambda one, person=person: cosine(one, person), default=None)
        score = None if face is None else cosine(face, person)
        told.append({**pairs([(f"person {number}", face)], [score], person, bounds), "person": number})
    return told


def pairs(
    judged: Sequence[tuple[str, Face | None]],
    scores: Sequence[float | None],
    reference: Face,
    bounds: tuple[float, float],
) -> dict[str, Any]:
    """The first pictures by name, each with its likeness and its place in a file of upright faces; the last is the reference.

    `bounds` is the likeness below which two faces are of two people, and from which they are of one.
    """
    few = list(zip(judged, scores, strict=True))[:MOST]
    seen = [face for (_, face), _ in few if face is not None]
    places = iter(range(len(seen)))
    return {
        "pictures": [
            {"name": name, "score": score, "face": None if face is None else next(places)}
            for (name, face), score in few
        ],
        "reference": len(seen),
        "bounds": bounds,
        "crops": {"file": file_of(lineup([*seen, reference])), "side": SIDE, "columns": len(seen) + 1},
    }
