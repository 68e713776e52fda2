"""The faces of every picture -> one face of each, by a rule."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .errors import CUT, FIND_IT, MissingFace
from .value import Face, FaceBatch, PictureFaces

Order = Callable[[PictureFaces, Face | None], list[float]]


def _off_centre(entry: PictureFaces, like: Face | None) -> list[float]:
    middle = np.array(entry.picture.size, np.float32) / 2
    return [float(np.linalg.norm(face.centre - middle)) for face in entry.faces]


def _unlike(entry: PictureFaces, like: Face | None) -> list[float]:
    from .similarity import cosine

    if like is None:
        raise ValueError("To choose the face most like another, connect that other face to 'like'.")
    return [-cosine(face, like) for face in entry.faces]


ORDERS: dict[str, Order] = {
    "largest": lambda entry, like: [-face.area for face in entry.faces],
    "left to right": lambda entry, like: [float(face.centre[0]) for face in entry.faces],
    "as numbered": lambda entry, like: [float(i) for i in range(len(entry.faces))],
    "most central": _off_centre,
    "most like": _unlike,
}
"""Rule -> a number for each face; the smallest comes first, of equals the one with the better score."""

MISSING = ("error", "skip")


def ordered(entry: PictureFaces, rule: str, like: Face | None = None) -> tuple[Face, ...]:
    """The faces of one picture in the order of a rule of ORDERS."""
    keys = ORDERS[rule](entry, like) if entry.faces else []
    return tuple(entry.faces[i] for i in sorted(range(len(keys)), key=lambda i: keys[i]))


def choose(
    batch: FaceBatch, rule: str = "largest", index: int = 0, like: Face | None = None, missing: str = "error"
) -> FaceBatch:
    """The `index`-th face (from 0) of every picture in the order of `rule`; the batch keeps its length.

    A picture without that face raises MissingFace and is named, or with missing="skip" keeps its place without
    a face (`skipped` lists those).
    """
    return tuple(_one(entry, ordered(entry, rule, like), index, missing) for entry in batch)


def skipped(batch: FaceBatch) -> list[str]:
    """One line for each picture without a face."""
    return [f"no face in {entry.picture.name}: skipped" for entry in batch if not entry.faces]


def _one(entry: PictureFaces, faces: tuple[Face, ...], index: int, missing: str) -> PictureFaces:
    if index < len(faces):
        return replace(entry, faces=(faces[index],))
    if missing == "skip":
        return replace(entry, faces=())
    if not faces:
        reason = CUT if entry.picture.count > 1 else ""
        raise MissingFace(f"No face found in {entry.picture.name}. {FIND_IT}, or set 'missing' to skip.{reason}")
    raise MissingFace(
        f"{entry.picture.name} shows {len(faces)} faces, 0 to {len(faces) - 1}; number {index} was asked for."
    )
