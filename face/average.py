"""Embeddings of several photos of one person -> one embedding, and which photos seem to show another."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .value import Array, frozen


@dataclass(frozen=True, eq=False)
class Average:
    """One raw embedding (512,), how alike each photo is to the others (N,), the places of the outliers."""

    embedding: Array
    likeness: Array
    outliers: tuple[int, ...]


def unit(embeddings: Array) -> Array:
    """Rows (N, 512) of length 1."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)


def likeness(embeddings: Array) -> Array:
    """For each of (N, 512) the cosine to the sum of the other rows' directions: (N,); 1 if it is alone."""
    directions = unit(embeddings)
    if len(directions) == 1:
        return np.ones(1, np.float32)
    return (directions * unit(directions.sum(axis=0) - directions)).sum(axis=1).astype(np.float32)


def _mean(embeddings: Array) -> Array:
    """Mean direction, mean length: a blurred photo, whose embedding is short, counts like a sharp one."""
    return unit(unit(embeddings).mean(axis=0, keepdims=True))[0] * np.linalg.norm(embeddings, axis=1).mean()


def _norm_weighted(embeddings: Array) -> Array:
    """The plain mean: photos that the recogniser is sure of have longer embeddings and so count more."""
    return embeddings.mean(axis=0)


def _best(embeddings: Array) -> Array:
    """The one photo most like all the others; of equals the one with the longest embedding."""
    order = np.lexsort((-np.linalg.norm(embeddings, axis=1), -np.round(likeness(embeddings), 4)))
    return embeddings[order[0]]


AVERAGES: dict[str, Callable[[Array], Array]] = {
    "mean": _mean,
    "weighted by norm": _norm_weighted,
    "best photo": _best,
}


def average(embeddings: Array, rule: str = "mean", outlier_below: float = 0.35, *, drop: bool = False) -> Average:
    """Combine raw embeddings (N, 512) by a rule of AVERAGES.

    Outliers are rows whose cosine to the rest is under `outlier_below` (photos of one person are above 0.5, of
    two people under 0.35); `drop` leaves them out, unless all are. Raises ValueError for no rows.
    """
    if len(embeddings) == 0:
        raise ValueError("There is no face to average: none of the pictures has one.")
    alike = likeness(embeddings)
    outliers = tuple(int(i) for i in np.flatnonzero(alike < outlier_below))
    kept = [i for i in range(len(embeddings)) if i not in outliers]
    used = embeddings[kept] if drop and kept else embeddings
    return Average(frozen(AVERAGES[rule](used)), alike, outliers)
