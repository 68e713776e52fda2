"""Faces -> what the page needs to show them for a choice: the pictures without marks, the boxes, who is chosen."""

from __future__ import annotations

from typing import Any

from comfy_api.v0_0_2 import ui

from ...face.picture import to_image
from ...face.preview import small
from ...face.value import FaceBatch
from .show import MOST


def pickable(batch: FaceBatch, chosen: FaceBatch | None = None) -> list[dict[str, Any]]:
    """The first pictures of a batch, each with its file, size and boxes, and the numbers of its chosen faces."""
    few = batch[:MOST]
    picked = (chosen or batch)[:MOST]
    return [
        {
            "name": entry.picture.name,
            "size": entry.picture.size,
            "file": ui.PreviewImage(to_image([small(entry)])).as_dict()["images"][0],
            "faces": [{"box": face.box.tolist(), "score": round(face.score, 3)} for face in entry.faces],
            "chosen": [i for i, face in enumerate(entry.faces) if any(face is one for one in kept.faces)],
        }
        for entry, kept in zip(few, picked, strict=True)
    ]
