"""The faces of every picture -> one face of each, by a rule."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .errors import CUT, SKIP_IT, MissingFace, missing_face
from .person_numbers import numbers_of
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


def numbers(text: str) -> tuple[int, ...]:
    """The faces that a text lists, as people count them, from 1: '3, 1'. Raises ValueError for anything else."""
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    if not all(re.fullmatch(r"[1-9]\d{0,5}", word) for word in words):
        raise ValueError(f"'several' must be numbers of faces such as '3, 1', counted from 1; found '{text}'.")
    if len(set(words)) < len(words):
        raise ValueError(f"'several' lists a face twice: '{text}'.")
    return tuple(int(word) for word in words)


def choose_several(batch: FaceBatch, wanted: Sequence[int], missing: str = "error") -> FaceBatch:
    """The faces of every picture with these numbers, from 1, as Find Faces gave them, in this order.

    A picture without one of them raises MissingFace, or with missing="skip" keeps those that it has.
    """
    return tuple(_several(entry, wanted, missing) for entry in batch)


def skipped(batch: FaceBatch) -> list[str]:
    """One line for each picture without a face."""
    return [f"no face in {entry.picture.name}: skipped" for entry in batch if not entry.faces]


def _one(entry: PictureFaces, faces: tuple[Face, ...], index: int, missing: str) -> PictureFaces:
    if index < len(faces):
        return replace(entry, faces=(faces[index],))
    if missing == "skip":
        return replace(entry, faces=())
    if not faces:
        raise missing_face(entry.picture.name, SKIP_IT, CUT if entry.picture.count > 1 else "")
    raise _absent(entry, index + 1, f"'index' {index}, which counts from 0")


def _several(entry: PictureFaces, wanted: Sequence[int], missing: str) -> PictureFaces:
    there = dict(zip(numbers_of(entry.faces), entry.faces, strict=True))
    absent = [number for number in wanted if number not in there]
    if absent and missing != "skip":
        raise _absent(entry, absent[0], "'several'")
    return replace(entry, faces=tuple(there[number] for number in wanted if number in there))


def _absent(entry: PictureFaces, number: int, asked: str) -> MissingFace:
    if number <= len(entry.faces):
        left = ", ".join(map(str, numbers_of(entry.faces)))
        return MissingFace(f"Face {number} was asked for, by {asked}; chosen before in {entry.picture.name}: {left}.")
    return MissingFace(f"Face {number} was asked for, by {asked}; {entry.picture.name} shows {len(entry.faces)}.")
