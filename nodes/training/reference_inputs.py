"""The advanced inputs of a training that say what is shown of a picture, and whose picture is whose reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comfy_api.v0_0_2 import io

from ..page.unused import either


def subject_input() -> io.Input:
    return io.String.Input(
        "subjects",
        optional=True,
        default="",
        multiline=True,
        advanced=True,
        tooltip="Who or what each picture shows, a line for each in their order. The reference is then another picture of "
        "the same subject, drawn anew each time. Empty: each picture is its own reference.",
    )


def folder_input() -> io.Input:
    return io.String.Input(
        "folder",
        optional=True,
        default="",
        advanced=True,
        tooltip="A folder in ComfyUI's input with pictures and captions, in place of 'images'; a text on 'texts' is then for "
        "those without a caption. They are read one at a time, so that memory does not hold them all. Or a lesson that "
        "run.py encode made, which is read while it is trained on.",
        extra_dict=either("images"),
    )


def view_inputs() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "flip_reference",
            optional=True,
            default=False,
            advanced=True,
            tooltip="Shows the reference mirrored in half of the cases.",
        ),
        io.Float.Input(
            "crop_reference",
            optional=True,
            default=1.0,
            min=0.1,
            max=1.0,
            step=0.05,
            advanced=True,
            tooltip="Below 1 parts of the reference are shown too, whose sides are between this share and the whole.",
        ),
    ]


@dataclass(frozen=True)
class Views:
    """What is shown of a reference beside itself: its mirror image, and parts with at least this share of its sides."""

    flip: bool = False
    crop: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop_reference is {self.crop}; it must be above 0 and at most 1, which shows no parts.")


def views_in(given: Mapping[str, Any]) -> Views:
    """What view_inputs were set to."""
    return Views(given.get("flip_reference", False), given.get("crop_reference", 1.0))


def subjects_for(given: Sequence[str], count: int) -> Sequence[str]:
    """The subject of each of `count` pictures, from a text of lines or one text for each; empty ones where none is given.

    Raises ValueError for another number of lines.
    """
    lines = given[0].splitlines() if len(given) == 1 and count != 1 else list(given)
    found = [line.strip() for line in lines]
    if not any(found):
        return [""] * count
    if len(found) != count:
        raise ValueError(
            f"there are {count} pictures and {len(found)} lines in 'subjects'. Give one for each picture, in their order; "
            "an empty line for a picture that is its own reference."
        )
    return found
