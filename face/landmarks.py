"""The host's FACE_LANDMARKS (MediaPipe) -> faces with five keypoints: detection without InsightFace."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from .value import Array, Face, FaceBatch, Picture, PictureFaces, Rung, frozen

SOURCE = "FACE_LANDMARKS"
IRISES = (468, 473)
EYE_CORNERS = ((33, 133), (362, 263))
NOSE, MOUTH = 1, (61, 291)
MESH, WITH_IRISES = 468, 478
"""How many points the mesh has without and with irises."""


def five_points(mesh: Array) -> Array:
    """MediaPipe's mesh (468 or 478, 2) in pixels -> keypoints (5, 2).

    The eyes are the irises, without these the middle between the corners.
    They differ from SCRFD's by up to a tenth of the eye distance; embeddings agree to cosine 0.94 or more.
    """
    if mesh.ndim != 2 or mesh.shape[0] < MESH or mesh.shape[1] < 2:
        raise ValueError(f"A face of {SOURCE} must have {MESH} or {WITH_IRISES} points, found shape {mesh.shape}.")
    points = mesh[:, :2]
    if len(points) >= WITH_IRISES:
        eyes = [points[i] for i in IRISES]
    else:
        eyes = [points[list(corners)].mean(axis=0) for corners in EYE_CORNERS]
    return frozen(np.stack([*eyes, points[NOSE], *(points[i] for i in MOUTH)]))


def canvas_size(landmarks: Mapping[str, Any]) -> tuple[int, int]:
    """(width, height) of the pictures that the landmarks belong to."""
    _frames(landmarks)
    height, width = landmarks["image_size"]
    return int(width), int(height)


def keypoints(landmarks: Mapping[str, Any]) -> list[list[Array]]:
    """Keypoints (5, 2) of every face of every frame."""
    return [[five_points(np.asarray(face["landmarks_xy"])) for face in frame] for frame in _frames(landmarks)]


def faces_from_landmarks(landmarks: Mapping[str, Any], pictures: tuple[Picture, ...]) -> FaceBatch:
    """The faces of FACE_LANDMARKS as faces of the pictures they were found in, best score first.

    Raises ValueError if number or size of the pictures differ from those of the landmarks.
    """
    frames, size = _frames(landmarks), canvas_size(landmarks)
    wrong = [picture for picture in pictures if picture.size != size]
    if len(frames) != len(pictures) or wrong:
        raise ValueError(
            f"{SOURCE} are of {len(frames)} pictures of {size[0]}x{size[1]}, but the image input has "
            f"{len(pictures)} of {pictures[0].size[0]}x{pictures[0].size[1]}. "
            "Connect the pictures that the landmarks were found in."
        )
    oval = _oval(landmarks)
    return tuple(
        PictureFaces(picture, tuple(sorted((_face(face, picture, oval) for face in frame), key=lambda f: -f.score)))
        for picture, frame in zip(pictures, frames, strict=True)
    )


def _frames(landmarks: Mapping[str, Any]) -> Sequence[Sequence[Mapping[str, Any]]]:
    data = cast("Any", landmarks)
    if not isinstance(data, Mapping) or not {"frames", "image_size"} <= set(cast("Mapping[str, Any]", data)):
        raise ValueError(f"This {SOURCE} does not come from the host's MediaPipe node (no 'frames' and 'image_size').")
    return cast("Sequence[Sequence[Mapping[str, Any]]]", landmarks["frames"])


def _oval(landmarks: Mapping[str, Any]) -> list[int]:
    edges = landmarks.get("connection_sets", {}).get("face_oval", ())
    return sorted({int(i) for edge in edges for i in edge})


def _face(face: Mapping[str, Any], picture: Picture, oval: list[int]) -> Face:
    mesh = np.asarray(face["landmarks_xy"], np.float32)
    return Face(
        picture=picture,
        box=frozen(face["bbox_xyxy"]),
        keypoints=five_points(mesh),
        score=float(face["score"]),
        rung=Rung(source=SOURCE),
        oval=frozen(mesh[oval, :2]) if oval else None,
    )
