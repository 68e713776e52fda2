"""Portraits with their faces, a folder of portraits or a lesson -> what InstantID is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...attention.training.dataset import Dataset
from ...attention.training.train import INSTANTID
from .dataset import Tick, captioned_pictures
from .face_dataset import FaceRules, check_recogniser, face_dataset, faces_of, found_in
from .lessons import lesson_in


@dataclass(frozen=True, eq=False)
class People:
    """What is trained on, whose recogniser embedded the faces, and lines for the report."""

    dataset: Dataset
    recogniser: str
    told: str


def people_of(
    lists: Mapping[str, Sequence[Any]], given: Mapping[str, Any], bucket_side: int, rules: FaceRules, tick: Tick
) -> People:
    """What the inputs of Train InstantID lead to. Raises ValueError for inputs that do not go together."""
    kept = lesson_in(lists, given["model"], INSTANTID)
    if kept is not None:
        check_recogniser(kept.made.recogniser, rules.any_recogniser)
        return People(kept.dataset, kept.made.recogniser, "")
    pictures = captioned_pictures(lists, (given["vae"], given["clip"]), bucket_side)
    if lists.get("faces"):
        faces = faces_of(pictures, lists["faces"])
    elif given.get("face_models") is not None:
        faces = found_in(pictures, given["face_models"], tick)
    else:
        raise ValueError("connect 'faces', from Find Faces on the same 'images', or 'face_models' to have them found.")
    found = face_dataset(pictures, faces, rules, tick)
    return People(found.dataset, found.recogniser, pictures.told() + found.told())
