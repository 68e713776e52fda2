"""A folder that may be a lesson -> what is trained on, if it is one that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from comfy.model_patcher import ModelPatcher

from ...attention.models.families import UNETS
from ...attention.models.unet import family_of_model, model_layers
from ...attention.training.lesson import Lesson, is_lesson, open_lesson
from .face_dataset import drawn_hint
from .folder import folder_named


def lesson_in(lists: Mapping[str, Sequence[Any]], model: ModelPatcher, variant: str) -> Lesson | None:
    """The lesson in the 'folder' below ComfyUI's input; None for a folder of pictures, or none.

    Raises ValueError for a lesson of another variant or for another model family.
    """
    folder = next(iter(lists.get("folder", ())), "").strip()
    if not folder or lists.get("images") or not is_lesson(folder_named(folder)):
        return None
    return fitting(folder_named(folder), model, variant)


def fitting(folder: Path, model: ModelPatcher, variant: str) -> Lesson:
    """Open a lesson for a training. Raises ValueError for one of another variant or family."""
    lesson = open_lesson(folder, drawn_hint)
    family = family_of_model(model_layers(model), UNETS).name
    if (lesson.made.variant, lesson.made.family) != (variant, family):
        raise ValueError(
            f"'{folder}' is a lesson of {lesson.made.variant} for {lesson.made.family}; this trains {variant} for {family}. "
            "Encode the pictures for it."
        )
    return lesson
