"""Faces -> what the page needs to show them for a choice: the pictures without marks, the boxes, who is chosen."""

from __future__ import annotations

from typing import Any

from comfy_api.v0_0_2 import ui

from ...face.crops import COLUMNS, SIDE, crops
from ...face.person_numbers import numbers_of
from ...face.picture import to_image
from ...face.preview import small
from ...face.value import FaceBatch, Pixels
from .show import MOST


def pickable(batch: FaceBatch, chosen: FaceBatch | None = None) -> list[dict[str, Any]]:
    """The first pictures of a batch, each with its file, size and boxes, a file of the faces alone, and who is chosen.

    Those are places among its faces, from 0, in the order in which they go on.
    """
    few = batch[:MOST]
    picked = (chosen or batch)[:MOST]
    return [
        {
            "name": entry.picture.name,
            "size": entry.picture.size,
            "file": file_of(small(entry)),
            "crops": {"file": file_of(crops(entry)), "side": SIDE, "columns": COLUMNS} if entry.faces else None,
            "faces": [
                {"box": face.box.tolist(), "score": round(face.score, 3), "person": person}
                for face, person in zip(entry.faces, numbers_of(entry.faces), strict=True)
            ],
            "chosen": [i for one in kept.faces for i, face in enumerate(entry.faces) if face is one],
        }
        for entry, kept in zip(few, picked, strict=True)
    ]


def file_of(pixels: Pixels) -> dict[str, Any]:
    """Where the page finds a picture that is kept until ComfyUI ends."""
    shown: Any = ui.PreviewImage(to_image([pixels])).as_dict()["images"]
    return shown[0]
