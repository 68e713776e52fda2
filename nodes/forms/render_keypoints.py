"""The node that draws the five-point picture InstantID's ControlNet was trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from comfy_api.v0_0_2 import io, ui

from ...face.person_numbers import numbers_of
from ...face.pose import CANVAS_FITS, KeypointSheet, Pose, fitted, from_json, posed, to_json
from ...face.value import FaceBatch
from ..page.description import described
from ..page.notice import for_page
from ..page.unused import instead
from ..wires import FacesWire, LandmarksWire


class RenderKeypoints(io.ComfyNode):
    """Draws the eyes, nose and mouth corners of one or many people as InstantID's ControlNet was trained on them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        def moved(name: str, default: float, low: float, high: float, tooltip: str) -> Any:
            return io.Float.Input(
                name, optional=True, default=default, min=low, max=high, step=0.01, advanced=True, tooltip=tooltip
            )

        return io.Schema(
            node_id="LikenessRenderKeypoints",
            display_name="Render Keypoints",
            category="likeness/face",
            description=described(cls),
            search_aliases=[
                "face keypoints preprocessor",
                "instantid keypoints",
                "draw kps",
                "face pose",
                "pose",
                "head pose",
            ],
            inputs=[
                FacesWire.Input(
                    "faces", optional=True, tooltip="Faces to draw; one picture for each picture they are of."
                ),
                LandmarksWire.Input(
                    "landmarks", optional=True, tooltip="The host's MediaPipe landmarks, instead of faces."
                ),
                io.Int.Input(
                    "width",
                    optional=True,
                    default=1024,
                    min=0,
                    max=16384,
                    extra_dict=instead("latent"),
                    tooltip="Width of the picture to draw: the one you generate. 0 takes that of the source.",
                ),
                io.Int.Input(
                    "height",
                    optional=True,
                    default=1024,
                    min=0,
                    max=16384,
                    extra_dict=instead("latent"),
                    tooltip="Height of the picture to draw. 0 takes that of the source.",
                ),
                io.Combo.Input(
                    "fit",
                    optional=True,
                    options=list(CANVAS_FITS),
                    default="fit",
                    tooltip="How the source is brought to another size. fit: all of it, centred. fill: it covers all of "
                    "the canvas. stretch: it is distorted.",
                ),
                moved("scale", 1.0, 0.05, 20.0, "Makes each face larger or smaller around its own centre."),
                moved("rotation", 0.0, -180.0, 180.0, "Turns each face around its own centre, in degrees clockwise."),
                moved("shift_x", 0.0, -16384.0, 16384.0, "Moves the faces to the right, in pixels."),
                moved("shift_y", 0.0, -16384.0, 16384.0, "Moves the faces down, in pixels."),
                io.Boolean.Input(
                    "mirror",
                    optional=True,
                    default=False,
                    advanced=True,
                    tooltip="Mirrors the canvas: faces look the other way.",
                ),
                io.String.Input(
                    "keypoints",
                    default="",
                    multiline=True,
                    optional=True,
                    advanced=True,
                    tooltip="Points as JSON, as the editor on the node writes them. They replace 'faces' and "
                    '\'landmarks\': {"width": 1024, "height": 1024, "faces": [[[x, y], ...]]}, each face being left '
                    "eye, right eye, nose, left and right mouth corner as seen in the picture.",
                ),
                io.Latent.Input(
                    "latent",
                    optional=True,
                    tooltip="The latent you sample: its size is taken instead of 'width' and 'height'.",
                ),
            ],
            outputs=[
                io.Image.Output("image", tooltip="For Apply InstantID, or a ControlNet trained on it."),
                io.String.Output("keypoints", tooltip="The points of the first picture as JSON."),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        faces: FaceBatch | None = None,
        landmarks: Mapping[str, Any] | None = None,
        keypoints: str = "",
        width: int = 1024,
        height: int = 1024,
        fit: str = "fit",
        scale: float = 1.0,
        rotation: float = 0.0,
        shift_x: float = 0.0,
        shift_y: float = 0.0,
        mirror: bool = False,
        latent: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        from ...face.draw import draw_keypoints
        from ...face.picture import to_image
        from ..page.show import shown
        from ..people.keypoint_pictures import canvas_of

        pose = Pose(scale, rotation, shift_x, shift_y, mirror)
        detected = _detected(faces, landmarks)
        sources = [from_json(keypoints)] if keypoints.strip() else detected
        if not sources:
            raise ValueError("Render Keypoints needs 'faces', 'landmarks' or 'keypoints'; none is given.")
        wanted = canvas_of(latent) or (width, height)
        sheets = [_posed(sheet, wanted, fit, pose) for sheet in sources]
        sizes = {sheet.size for sheet in sheets}
        if len(sizes) > 1:
            raise ValueError(f"The source has pictures of several sizes ({sorted(sizes)}): set width and height.")
        image = to_image([draw_keypoints(sheet.faces, sheet.size) for sheet in sheets])
        text = _text(sheets, detected if sources is not detected else [])
        output = shown(cls, text, image, image, to_json(sheets[0]))
        return for_page(
            output,
            keypoints={
                "detected": json.loads(to_json(detected[0])) if detected else None,
                "drawn": json.loads(to_json(sheets[0])),
                "count": len(sheets),
                "background": _background(faces),
            },
        )


def _detected(faces: FaceBatch | None, landmarks: Mapping[str, Any] | None) -> list[KeypointSheet]:
    """A sheet for each picture of the connected source; none without one."""
    from ...face import landmarks as mediapipe

    if faces and landmarks:
        raise ValueError("Render Keypoints takes either 'faces' or 'landmarks'; both are connected.")
    if faces:
        return [
            KeypointSheet(entry.picture.size, tuple(face.keypoints for face in entry.faces), numbers_of(entry.faces))
            for entry in faces
        ]
    if landmarks:
        size = mediapipe.canvas_size(landmarks)
        return [KeypointSheet(size, tuple(frame)) for frame in mediapipe.keypoints(landmarks)]
    return []


def _text(sheets: list[KeypointSheet], unused: list[KeypointSheet]) -> str:
    counts = ", ".join(str(len(sheet.faces)) for sheet in sheets)
    text = f"{sheets[0].size[0]}x{sheets[0].size[1]}, faces: {counts}"
    if not unused:
        return text
    many = "picture is" if len(unused) == 1 else f"{len(unused)} pictures are"
    return f"{text}\nfrom 'keypoints'; what was detected in the connected {many} not used"


def _background(faces: FaceBatch | None) -> Any:
    """Where the page finds the first picture that the faces are of."""
    from ...face.picture import to_image
    from ...face.preview import small

    if not faces:
        return None
    return ui.PreviewImage(to_image([small(faces[0])])).as_dict()["images"][0]


def _posed(sheet: KeypointSheet, size: tuple[int, int], fit: str, pose: Pose) -> KeypointSheet:
    target = size[0] or sheet.size[0], size[1] or sheet.size[1]
    faces = tuple(posed(fitted(points, sheet.size, target, fit), pose, target) for points in sheet.faces)
    return replace(sheet, size=target, faces=faces)


NODES = [RenderKeypoints]
