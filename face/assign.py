"""Faces and regions -> which face goes to which region: in order, by a list, or by where they are."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .value import Array, FaceBatch

IN_ORDER, BY_LIST, BY_POSITION = "in order", "by list", "by position"


@dataclass(frozen=True, eq=False)
class Seating:
    """What the rules go by: places of the faces (N, 2) and of the regions (M, 2), 0..1, and the list as written."""

    faces: Array
    regions: Array
    order: str = ""
    people: Sequence[int] = ()
    """The number, from 1, by which each face's person is called, see person_numbers.py"""


def places(batch: FaceBatch) -> Array:
    """Where each face is, (N, 2) x then y, 0..1; several pictures count as laid side by side."""
    return np.array(
        [
            ((column + face.centre[0] / entry.picture.size[0]) / len(batch), face.centre[1] / entry.picture.size[1])
            for column, entry in enumerate(batch)
            for face in entry.faces
        ],
        np.float32,
    ).reshape(-1, 2)


def assigned(rule: str, seating: Seating) -> tuple[int, ...]:
    """For each region the number, from 0, of the face that goes there, by a rule of ASSIGNMENTS.

    Raises ValueError that says how many there are of each, when they do not go together.
    """
    return ASSIGNMENTS[rule](seating)


def _in_order(seating: Seating) -> tuple[int, ...]:
    _check_counts(seating)
    return tuple(range(len(seating.faces)))


def _by_list(seating: Seating) -> tuple[int, ...]:
    """Takes any faces, one of them more than once if it is listed so."""
    count, wanted = len(seating.faces), len(seating.regions)
    words = [word for word in re.split(r"[\s,;]+", seating.order) if word]
    if all(re.fullmatch(r"#\d+", word) for word in words) and words:
        numbers = tuple(_place_of(int(word[1:]), seating.people) for word in words)
    elif all(re.fullmatch(r"\d+", word) for word in words):
        numbers = tuple(int(word) for word in words)
    else:
        raise ValueError(
            f"'order' must be people as the pictures number them, such as '#2, #1', or faces counted from 0, such as "
            f"'1, 0'; found '{seating.order}'."
        )
    if len(numbers) != wanted:
        raise ValueError(
            f"'order' lists {len(numbers)} faces ('{seating.order}') for {wanted} regions: write one for each region."
        )
    absent = [number for number in numbers if number >= count]
    if absent:
        raise ValueError(f"'order' asks for face {absent[0]}; there are {count} faces, 0 to {count - 1}.")
    return numbers


def _place_of(person: int, people: Sequence[int]) -> int:
    if person not in people:
        there = ", ".join(f"#{number}" for number in people)
        raise ValueError(f"'order' asks for person #{person}; there are {there}.")
    return list(people).index(person)


def _by_position(seating: Seating) -> tuple[int, ...]:
    """The assignment with the least sum of squared distances (Hungarian method).

    A shift of all places changes nothing in it, so that a group photo need not be framed as the new picture.
    """
    from scipy.optimize import linear_sum_assignment

    _check_counts(seating)
    distances = ((seating.regions[:, None] - seating.faces[None]) ** 2).sum(axis=-1)
    _, faces = linear_sum_assignment(distances)
    return tuple(int(face) for face in faces)


def _check_counts(seating: Seating) -> None:
    faces, regions = len(seating.faces), len(seating.regions)
    if faces != regions:
        raise ValueError(
            f"there are {faces} faces and {regions} masks; each person needs one of each. Embed Faces makes one face "
            f"of several photos of one person, Choose Face picks one of several faces, and 'who' set to "
            f"'{BY_LIST}' uses only the faces that you list."
        )


ASSIGNMENTS: dict[str, Callable[[Seating], tuple[int, ...]]] = {
    IN_ORDER: _in_order,
    BY_LIST: _by_list,
    BY_POSITION: _by_position,
}
