"""Two or three embedded faces -> how alike they are, and how much a generated one copies its reference."""

import numpy as np

from .average import unit
from .embed import embeddings
from .value import Array, Face, FaceBatch

SAME = 0.5
"""Cosine from which two photos usually show one person."""
OTHER = 0.35
"""Cosine below which they usually show two."""


def cosine(a: Face, b: Face) -> float:
    """-1..1; two photos of one person usually give more than SAME, of two people less than OTHER.

    Raises as `embeddings` does: no embedding, or different recognisers.
    """
    rows = unit(embeddings([a, b]))
    return float(rows[0] @ rows[1])


def similarities(a: FaceBatch, b: FaceBatch) -> Array:
    """Cosines (N, M) of all faces of one batch with all faces of another."""
    left = [face for entry in a for face in entry.faces]
    right = [face for entry in b for face in entry.faces]
    if not left or not right:
        return np.empty((len(left), len(right)), np.float32)
    rows = unit(embeddings([*left, *right]))
    return rows[: len(left)] @ np.transpose(rows[len(left) :])


def copy_paste(generated: Face, reference: Face, truth: Face, eps: float = 1e-6) -> float:
    """How much nearer a generated face is to the photo it was made from than to another of that person.

    (angle to `truth` - angle to `reference`) / angle between the two photos: 1 is a copy of the reference, 0 is
    as far from both; less is better. MultiID-Bench, arXiv 2510.14975.
    """
    to_truth, to_reference = _angle(generated, truth), _angle(generated, reference)
    return (to_truth - to_reference) / max(_angle(truth, reference), eps)


def _angle(a: Face, b: Face) -> float:
    return float(np.arccos(min(max(cosine(a, b), -1.0), 1.0)))
