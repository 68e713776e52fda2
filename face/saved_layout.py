"""The arrays and words of saved faces -> what is wrong with them, if they come from somewhere else."""

import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .align import SIZES
from .graph import EMBEDDING_LENGTH
from .square import SIDE
from .value import Picture

Arrays = Mapping[str, npt.NDArray[Any]]
Words = Mapping[str, str]

LONGEST_SIDE = 1 << 16
"""Pixels of a picture: the longest that JPEG has."""
FARTHEST = 1 << 20
"""Pixels from the corner of the picture that a point of a face can be."""
MOST_PEOPLE = 1 << 16
"""In one photo: more than a detector finds."""
DIGEST = 32
"""Hexadecimal digits of the hash of a picture."""

NUMBERS = "numbers"
"""By which people are called, where faces were chosen; other files do not say."""

# What is in the arrays: type, and the shape behind the number of rows.
_NUMBERS: Mapping[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "box": (np.float32, (4,)),
    "keypoints": (np.float32, (5, 2)),
    "score": (np.float64, ()),
    "recogniser": (np.int64, ()),  # its place in the list of recognisers, -1 without an embedding
    "found": (np.int64, ()),  # its place in the list of ways in which faces were found
    "oval_length": (np.int64, ()),
}
_SOMETIMES: Mapping[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "embedding": (np.float32, (EMBEDDING_LENGTH,)),
    "oval": (np.float32, (2,)),
}


def pictures_of(words: Words) -> list[tuple[Picture, int]]:
    """Each picture, without its pixels, and how many faces it has. Raises ValueError for what no picture is."""
    found = _listed(words, "pictures")
    return [_picture(fields, i, len(found)) for i, fields in enumerate(found)]


def texts_of(words: Words, name: str) -> list[str]:
    """A list of names. Raises ValueError for anything else."""
    found = _listed(words, name)
    if not all(isinstance(text, str) and len(text) < 100 for text in found):
        raise ValueError(f"its {name} are no names.")
    return cast("list[str]", found)


def numbers_in(words: Words, count: int) -> list[int]:
    """The number of each of `count` people, 0 where none is said. Raises ValueError for anything else."""
    if NUMBERS not in words:
        return [0] * count
    found = _listed(words, NUMBERS)
    if len(found) != count or not all(type(number) is int and 0 <= number <= MOST_PEOPLE for number in found):
        raise ValueError(f"its {NUMBERS} are none of {count} people.")
    return cast("list[int]", found)


def check_arrays(arrays: Arrays, count: int, known: tuple[int, int]) -> None:
    """Raise ValueError unless the arrays hold `count` faces; `known` is how many recognisers and ways are named."""
    if not count:
        raise ValueError("there is no face in it.")
    for name, (kind, shape) in _NUMBERS.items():
        _check_array(arrays, name, kind, (count, *shape))
    _check_places(arrays, "recogniser", range(-1, known[0]))
    _check_places(arrays, "found", range(known[1]))
    _check_rows(arrays, "embedding", int((arrays["recogniser"] >= 0).sum()))
    _check_rows(arrays, "oval", _total(arrays["oval_length"]))
    if "crop" in arrays:
        side = next((side for side in SIZES if side in arrays["crop"].shape), SIZES[0])
        _check_array(arrays, "crop", np.uint8, (count, side, side, 3))
    if "square" in arrays:
        _check_array(arrays, "square", np.uint8, (count, SIDE, SIDE, 3))
    unknown = set(arrays) - {*_NUMBERS, *_SOMETIMES, "crop", "square"}
    if unknown:
        raise ValueError(f"it holds {sorted(unknown)[0]!r}, which is nothing of a face.")


def _check_places(arrays: Arrays, name: str, known: range) -> None:
    if bool(((arrays[name] < known.start) | (arrays[name] >= known.stop)).any()):
        raise ValueError(f"'{name}' names what is not in its list.")


def _check_rows(arrays: Arrays, name: str, rows: int) -> None:
    kind, shape = _SOMETIMES[name]
    if rows or name in arrays:
        _check_array(arrays, name, kind, (rows, *shape))


def _total(lengths: npt.NDArray[np.int64]) -> int:
    if bool(((lengths < 0) | (lengths > FARTHEST)).any()):
        raise ValueError("'oval_length' has lengths that no outline has.")
    return int(lengths.sum())


def _check_array(arrays: Arrays, name: str, kind: type[np.generic], shape: tuple[int, ...]) -> None:
    found = arrays.get(name)
    if found is None:
        raise ValueError(f"'{name}' is missing.")
    if found.shape != shape or found.dtype != kind:
        raise ValueError(f"'{name}' is {found.dtype} {found.shape}; {np.dtype(kind)} {shape} is expected.")
    if not bool(np.isfinite(found).all()):
        raise ValueError(f"'{name}' contains NaN or infinite values.")
    if name in ("box", "keypoints", "oval") and bool((np.abs(found) > FARTHEST).any()):
        raise ValueError(f"'{name}' has points more than {FARTHEST:,} pixels away.")


def _listed(words: Words, name: str) -> list[Any]:
    try:
        found: Any = json.loads(words.get(name, ""))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise ValueError(f"it does not say its {name}.")
    return cast("list[Any]", found)


def _picture(fields: Any, index: int, count: int) -> tuple[Picture, int]:
    """A picture and how many faces it has."""
    listed = cast("list[Any]", fields) if isinstance(fields, list) else []
    whole = [value for value in listed if isinstance(value, int) and not isinstance(value, bool)]
    if len(listed) != 4 or len(whole) != 3 or not isinstance(listed[2], str):
        raise ValueError(f"picture {index + 1} is no width, height, hash and number of faces.")
    width, height, number = whole
    if not (1 <= width <= LONGEST_SIDE and 1 <= height <= LONGEST_SIDE and number >= 0):
        raise ValueError(f"picture {index + 1} is {width}x{height} with {number} faces, which no picture is.")
    digest: str = listed[2]
    if len(digest) != DIGEST or not all(digit in "0123456789abcdef" for digit in digest):
        raise ValueError(f"picture {index + 1} has no hash.")
    return Picture(index, count, (width, height), digest), number
