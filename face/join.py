"""The faces of several batches, whose photos may have any sizes -> those of one batch."""

from collections.abc import Sequence
from dataclasses import replace

from .value import FaceBatch, PictureFaces


def joined(batches: Sequence[FaceBatch]) -> FaceBatch:
    """Every picture of every batch in order, counted anew; a picture without a face keeps its place.

    Nothing else about a face or its photo changes. Raises ValueError where there is no picture.
    """
    entries = [entry for batch in batches for entry in batch]
    if not entries:
        raise ValueError("There are no faces to join: connect Find Faces, Choose Face or Load Faces.")
    return tuple(_counted(entry, index, len(entries)) for index, entry in enumerate(entries))


def _counted(entry: PictureFaces, index: int, count: int) -> PictureFaces:
    picture = replace(entry.picture, index=index, count=count)
    return PictureFaces(picture, tuple(replace(face, picture=picture) for face in entry.faces))
