"""Judged methods -> what the page needs to draw their table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...face.crops import SIDE, lineup
from ...face.similarity import OTHER, SAME
from ...face.value import Face
from ..page.pickable_faces import file_of
from .comparison import Method, best, measured


def methods_table(methods: Sequence[Method], reference: Face) -> dict[str, Any]:
    """The methods by name, each with its means and its first face's place in a file of upright faces; the last is the reference.

    `bounds` is the likeness below which two faces are of two people, and from which they are of one.
    """
    faces = [next((each.face for each in method.judged if each.face is not None), None) for method in methods]
    seen = [face for face in faces if face is not None]
    places = iter(range(len(seen)))
    columns = measured(methods)
    return {
        "columns": columns,
        "best": {name: best(methods, name) for name in columns},
        "methods": [
            {
                "name": method.label,
                "means": method.means,
                "pictures": len(method.judged),
                "missing": method.without_face,
                "face": None if face is None else next(places),
            }
            for method, face in zip(methods, faces, strict=True)
        ],
        "reference": len(seen),
        "bounds": (OTHER, SAME),
        "crops": {"file": file_of(lineup([*seen, reference])), "side": SIDE, "columns": len(seen) + 1},
    }
