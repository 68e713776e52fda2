"""Faces without their photos -> named arrays and a few words, and back."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .align import crop
from .errors import missing_face
from .saved_layout import NUMBERS, Arrays, Words, check_arrays, numbers_in, pictures_of, texts_of
from .square import square
from .value import Face, FaceBatch, Picture, PictureFaces, Rung, frozen


def without_photos(batch: FaceBatch, crop_size: int = 0, unaligned: bool = False) -> FaceBatch:
    """The same faces, their photos left out; in their place each has its aligned crop of `crop_size` pixels, if any, and
    with `unaligned` the square around it.

    Raises MissingPhoto for a crop that can no longer be made.
    """
    entries: list[PictureFaces] = []
    for entry in batch:
        picture = replace(entry.picture, photo=None)
        cut = (
            {"upright": crop(face, crop_size) if crop_size else None, "unaligned": square(face) if unaligned else None}
            for face in entry.faces
        )
        faces = tuple(replace(face, picture=picture, **kept) for face, kept in zip(entry.faces, cut, strict=True))
        entries.append(PictureFaces(picture, faces))
    return tuple(entries)


def packed(batch: FaceBatch) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """The arrays and words of a batch that `without_photos` gave. Raises MissingFace when no picture has a face."""
    faces = [face for entry in batch for face in entry.faces]
    if not faces:
        raise missing_face("any picture")
    recognisers = sorted({face.recogniser or "" for face in faces if face.embedding is not None})
    ways = sorted({str(face.rung) for face in faces})
    embedded = [face.embedding for face in faces if face.embedding is not None]
    ovals = [face.oval for face in faces if face.oval is not None]
    crops = [face.upright for face in faces if face.upright is not None]
    squares = [face.unaligned for face in faces if face.unaligned is not None]
    arrays: dict[str, npt.NDArray[Any]] = {
        "box": np.stack([face.box for face in faces]),
        "keypoints": np.stack([face.keypoints for face in faces]),
        "score": np.array([face.score for face in faces], np.float64),
        "recogniser": _places(recognisers, [None if f.embedding is None else f.recogniser or "" for f in faces]),
        "found": _places(ways, [str(face.rung) for face in faces]),
        "oval_length": np.array([0 if face.oval is None else len(face.oval) for face in faces], np.int64),
    }
    if embedded:
        arrays["embedding"] = np.stack(embedded)
    if ovals:
        arrays["oval"] = np.concatenate(ovals)
    if crops:
        arrays["crop"] = np.stack(crops)
    if squares:
        arrays["square"] = np.stack(squares)
    pictures = [[*entry.picture.size, entry.picture.digest, len(entry.faces)] for entry in batch]
    words: dict[str, list[Any]] = {"pictures": pictures, "recognisers": recognisers, "found": ways}
    numbers = [face.number for face in faces]
    if any(numbers):
        words[NUMBERS] = numbers
    return arrays, {name: json.dumps(value) for name, value in words.items()}


def unpacked(arrays: Arrays, words: Words) -> FaceBatch:
    """The batch that `packed` was given. Raises ValueError that says what is wrong."""
    pictures = pictures_of(words)
    recognisers, ways = (texts_of(words, name) for name in ("recognisers", "found"))
    check_arrays(arrays, sum(number for _, number in pictures), (len(recognisers), len(ways)))
    numbers = numbers_in(words, len(arrays["box"]))
    found = zip(_faces(arrays, recognisers, ways), numbers, strict=True)
    faces = (replace(face, number=number) for face, number in found)
    return tuple(
        PictureFaces(picture, tuple(replace(next(faces), picture=picture) for _ in range(number)))
        for picture, number in pictures
    )


def _places(known: Sequence[str], names: Sequence[str | None]) -> npt.NDArray[np.int64]:
    return np.array([-1 if name is None else known.index(name) for name in names], np.int64)


def _faces(arrays: Arrays, recognisers: Sequence[str], ways: Sequence[str]) -> list[Face]:
    nowhere = Picture(0, 1, (1, 1), "")
    embeddings = iter(arrays.get("embedding", ()))
    ovals = np.split(arrays.get("oval", np.empty((0, 2), np.float32)), np.cumsum(arrays["oval_length"])[:-1])
    crops, squares = (_kept(arrays, name) for name in ("crop", "square"))
    return [
        Face(
            nowhere,
            frozen(arrays["box"][i]),
            frozen(arrays["keypoints"][i]),
            float(arrays["score"][i]),
            Rung(ways[int(arrays["found"][i])]),
            frozen(ovals[i]) if len(ovals[i]) else None,
            frozen(next(embeddings)) if (which := int(arrays["recogniser"][i])) >= 0 else None,
            (recognisers[which] or None) if which >= 0 else None,
            crops[i],
            squares[i],
        )
        for i in range(len(arrays["box"]))
    ]


def _kept(arrays: Arrays, name: str) -> Sequence[npt.NDArray[np.uint8] | None]:
    """What was kept of each face in place of its photo."""
    return [_still(pixels) for pixels in arrays[name]] if name in arrays else [None] * len(arrays["box"])


def _still(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    copy = np.array(pixels, np.uint8)
    copy.setflags(write=False)
    return copy
