"""The node that makes one soft region for each person."""

from __future__ import annotations

from itertools import islice
from typing import Any

import torch
from comfy_api.v0_0_2 import io

from ...face.errors import missing_face
from ...face.masks import SHAPES, DrawnFace, Placed, Softness, face_masks, union
from ...face.person_numbers import numbers_of
from ...face.pose import CANVAS_FITS, fitted, fitted_face, from_json
from ...face.value import FaceBatch
from ..page.description import described
from ..page.notice import for_page
from ..page.unused import instead
from ..wires import FacesWire


class FaceMasks(io.ComfyNode):
    """Makes one soft mask for each face, to say where an adapter or a repaint acts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessFaceMasks",
            display_name="Face Masks",
            category="likeness/face",
            description=described(cls),
            search_aliases=["face mask", "region mask", "attention mask", "face segment", "instantid mask"],
            inputs=[
                FacesWire.Input("faces", optional=True, tooltip="From Find Faces or Choose Face."),
                io.String.Input(
                    "keypoints",
                    optional=True,
                    force_input=True,
                    tooltip="Instead of faces: what Render Keypoints gives, so that the masks are where it drew the faces.",
                ),
                io.Combo.Input(
                    "shape",
                    optional=True,
                    options=list(SHAPES),
                    default="ellipse",
                    tooltip="ellipse: hairline to chin, turned as the face is. box: the detector's box. "
                    "oval: the outline of the face, for faces found with landmarks.",
                ),
                io.Float.Input(
                    "dilate",
                    optional=True,
                    default=0.0,
                    min=-1024.0,
                    max=1024.0,
                    step=1.0,
                    tooltip="Moves the edge outwards by this many pixels; inwards below 0.",
                ),
                io.Float.Input(
                    "feather",
                    optional=True,
                    default=16.0,
                    min=0.0,
                    max=1024.0,
                    step=1.0,
                    tooltip="Width of the soft edge in pixels.",
                ),
                io.Boolean.Input(
                    "normalise",
                    optional=True,
                    default=True,
                    advanced=True,
                    tooltip="Where faces overlap, the masks share: together they never exceed 1.",
                ),
                io.Int.Input(
                    "width",
                    optional=True,
                    default=0,
                    min=0,
                    max=16384,
                    advanced=True,
                    extra_dict=instead("latent"),
                    tooltip="Width of the masks; 0 takes that of the picture. Set it as in Render Keypoints.",
                ),
                io.Int.Input(
                    "height",
                    optional=True,
                    default=0,
                    min=0,
                    max=16384,
                    advanced=True,
                    extra_dict=instead("latent"),
                    tooltip="Height of the masks; 0 takes that of the picture. Set it as in Render Keypoints.",
                ),
                io.Combo.Input(
                    "fit",
                    optional=True,
                    options=list(CANVAS_FITS),
                    default="fit",
                    advanced=True,
                    tooltip="How the picture is brought to another size, as in Render Keypoints.",
                ),
                io.Latent.Input(
                    "latent",
                    optional=True,
                    tooltip="The latent you sample: its size is taken instead of 'width' and 'height'.",
                ),
            ],
            outputs=[
                io.Mask.Output("masks", tooltip="One mask for each face: all of the first picture, then of the next."),
                io.Mask.Output("together", tooltip="One mask for each picture: where any face is."),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        faces: FaceBatch | None = None,
        shape: str = "ellipse",
        dilate: float = 0.0,
        feather: float = 16.0,
        normalise: bool = True,
        width: int = 0,
        height: int = 0,
        fit: str = "fit",
        keypoints: str = "",
        latent: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        from ...face.mask_preview import tinted
        from ..page.show import shown
        from ..people.keypoint_pictures import canvas_of

        size, pictures, numbers = _placed(faces, keypoints, canvas_of(latent) or (width, height), fit)
        if not any(pictures):
            raise missing_face("any picture")
        soft = Softness(dilate, feather)
        stacks = [face_masks(people, size, shape, soft, normalise=normalise) for people in pictures]
        masks, together = torch.cat(stacks), torch.stack([union(stack) for stack in stacks])
        text = f"{len(masks)} masks of {size[0]}x{size[1]}"
        left, photos = iter(numbers), faces or (None,) * len(stacks)
        drawn = [
            tinted(stack, list(islice(left, len(stack))), photo, fit)
            for stack, photo in zip(stacks, photos, strict=True)
        ]
        return for_page(shown(cls, text, drawn, masks, together), people=numbers)


def _placed(
    faces: FaceBatch | None, keypoints: str, wanted: tuple[int, int], fit: str
) -> tuple[tuple[int, int], list[list[Placed]], tuple[int, ...]]:
    """The size of the masks, where 0 is the source's, the people of each picture on such a canvas, and their numbers."""
    if bool(faces) == bool(keypoints.strip()):
        given = "both are given" if faces else "neither is given"
        raise ValueError(f"Face Masks takes either 'faces' or 'keypoints'; {given}.")
    if faces:
        size = _size(wanted, faces[0].picture.size)
        numbers = numbers_of([face for entry in faces for face in entry.faces])
        return size, [[fitted_face(face, size, fit) for face in entry.faces] for entry in faces], numbers
    sheet = from_json(keypoints)
    size = _size(wanted, sheet.size)
    return size, [[DrawnFace(fitted(points, sheet.size, size, fit)) for points in sheet.faces]], sheet.numbers


def _size(wanted: tuple[int, int], source: tuple[int, int]) -> tuple[int, int]:
    return wanted[0] or source[0], wanted[1] or source[1]


NODES = [FaceMasks]
