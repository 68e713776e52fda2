"""Faces -> the number by which each person is called on every node and in every picture, from 1."""

from collections.abc import Sequence
from dataclasses import replace

from .value import Face, FaceBatch, PictureFaces


def numbers_of(faces: Sequence[Face]) -> tuple[int, ...]:
    """The numbers that Choose Face kept; where one has none, or two people would share one, their places."""
    kept = tuple(face.number for face in faces)
    return kept if all(kept) and len(set(kept)) == len(kept) else tuple(range(1, len(faces) + 1))


def keeping_numbers(batch: FaceBatch, chosen: FaceBatch) -> FaceBatch:
    """`chosen` of `batch`, each face with the number that it has there."""
    return tuple(_keeping(entry, kept) for entry, kept in zip(batch, chosen, strict=True))


def _keeping(entry: PictureFaces, kept: PictureFaces) -> PictureFaces:
    numbers = dict(zip(map(id, entry.faces), numbers_of(entry.faces), strict=True))
    return replace(kept, faces=tuple(replace(face, number=numbers[id(face)]) for face in kept.faces))
