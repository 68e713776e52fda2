"""Keypoint pictures that were given, or the faces themselves -> the pictures that IdentityNet is shown."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ...attention.identitynet.hint_size import check_shape
from ...attention.models.unet import pixels_per_cell
from ...face.draw import draw_keypoints
from ...face.head_size import SMALL, head_height
from ...face.keypoint_picture import authors_size, check_keypoint_picture
from ...face.picture import pictures, to_image
from ...face.pose import fitted
from ...face.value import Face

Size = tuple[int, int]
"""Width and height in pixels."""


CELL = 8
"""Pixels along one side of a cell of SD1.5's and SDXL's latents."""


def canvas_of(latent: Mapping[str, Any] | None, model: ModelPatcher | None = None) -> Size | None:
    """The size of the picture that a model makes of a latent: the host scales an empty one that was made for another.

    Without a model it is one of those that have adapters.
    """
    if latent is None:
        return None
    samples: Tensor = latent["samples"]
    cell: int = latent.get("downscale_ratio_spacial") or (pixels_per_cell(model) if model else CELL)
    return samples.shape[-1] * cell, samples.shape[-2] * cell


def latent_for(latent: Mapping[str, Any] | None, size: Size, count: int) -> dict[str, Any]:
    """A latent of `count` pictures: the given one, repeated if it is of one picture, or an empty one of `size`.

    Raises ValueError where the given one is of some other number of pictures.
    """
    host = importlib.import_module("nodes")  # by name, for our own package is called so too
    if latent is None:
        return host.EmptyLatentImage().generate(*size, count)[0]
    given = len(latent["samples"])
    if given not in (1, count):
        raise ValueError(
            f"The connected latent is of {given} pictures, and there are {count} poses. Connect a latent of one picture, "
            "which is then repeated, or one of as many as there are poses."
        )
    return dict(latent) if given == count else host.RepeatLatentBatch().repeat(latent, count)[0]


def drawing_notes(
    image: Tensor | None, faces: Sequence[Face], drawn: Tensor, latent: Mapping[str, Any] | None
) -> list[str]:
    """What a person should know of the pictures (n, H, W, 3) that IdentityNet is shown, before anything is sampled."""
    count, sampled = len(drawn), None if latent is None else len(latent["samples"])
    notes: list[str] = []
    if sampled is not None and 1 < count < sampled:
        notes.append(
            f"{count} keypoint pictures for a batch of {sampled}: they take turns. Set batch_size to {count}, or connect as "
            "many keypoint pictures."
        )
    if sampled is not None and count > sampled:
        notes.append(
            f"{count} keypoint pictures for a batch of {sampled}: those that follow are not used. Set batch_size to {count}."
        )
    if image is None and faces:
        size = drawn.shape[2], drawn.shape[1]
        least = min(head_height(fitted(face.keypoints, face.picture.size, size)) for face in faces)
        if least < SMALL * size[1]:
            notes.append(
                f"Head {least:.0f} of {size[1]} px: under a tenth of the height it keeps little likeness. Connect Render "
                "Keypoints to 'image' and press Portrait or Half length there, or repaint the face with Refine Faces."
            )
    return notes


def keypoint_pictures(
    image: Tensor | None, faces: Sequence[Face], canvas: Size | None, free_pose: bool = False
) -> Tensor:
    """The given pictures (n, H, W, 3), once they are seen to be drawn keypoints; or one drawn from the faces.

    Faces are drawn where they are in their photo, which is fitted to the canvas, or without one to the size at
    which InstantID's authors would generate. With `free_pose` it is black instead, and given ones may be: the net then
    leaves the pose to the text. Raises ValueError for faces of several photos, which share no canvas, and
    for given pictures of another shape than the canvas.
    """
    if image is not None:
        for picture in pictures(image):
            check_keypoint_picture(picture, free_pose)
            if canvas:
                check_shape(picture.size, canvas)
        return image
    if free_pose:
        width, height = canvas or authors_size(faces[0].picture.size)
        return torch.zeros(1, height, width, 3)
    photos = {face.picture.digest: face.picture for face in faces}
    if len(photos) > 1:
        raise ValueError(
            f"the {len(faces)} people come from {len(photos)} photos, so nothing says where each should be. Connect a "
            "keypoint picture that shows all of them to 'image': from Render Keypoints, drawn from a group photo or from points."
        )
    source = faces[0].picture.size
    size = canvas or authors_size(source)
    return to_image([draw_keypoints([fitted(face.keypoints, source, size) for face in faces], size)])
