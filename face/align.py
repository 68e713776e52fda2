"""Five keypoints -> the upright crop that face recognisers and FaceID's CLIP half were trained on."""

import numpy as np
import numpy.typing as npt

from .errors import MissingPhoto
from .needs import face_align, opencv
from .value import Array, Face, Pixels

SIZES = (112, 224, 256, 336)
"""112 the recogniser; 224 FaceID-Plus; 336 more detail; 256 a wider view (template moved 16 pixels right)."""


def alignment(keypoints: Array, size: int = 112) -> npt.NDArray[np.float64]:
    """The (2, 3) matrix that puts five keypoints (5, 2) onto ArcFace's template in a square of `size` pixels.

    Least squares over rotation, scale and shift (Umeyama 1991), by insightface. Raises ValueError for a size
    that is not a multiple of 112 or 128, and for keypoints that all lie in one place.
    """
    if size <= 0 or (size % 112 and size % 128):
        raise ValueError(f"An aligned crop must be a multiple of 112 or 128 pixels, found {size}. Use one of {SIZES}.")
    matrix: npt.NDArray[np.float64] = face_align().estimate_norm(np.asarray(keypoints, np.float32), size)
    if not np.isfinite(matrix).all():
        raise ValueError(
            f"The keypoints of a face cannot be aligned because they all lie in one place: {np.round(keypoints, 1).tolist()}."
        )
    return matrix


def crop(face: Face, size: int = 112) -> Pixels:
    """The face upright, (size, size, 3) RGB; black where the picture ends (insightface's `norm_crop`).

    Of a face from a file the crop that was kept with it; raises MissingPhoto unless it has that size.
    """
    if face.picture.photo is None:
        return _kept(face, size)
    matrix = alignment(face.keypoints, size)
    aligned: Pixels = opencv().warpAffine(face.picture.pixels, matrix, (size, size), borderValue=0.0)
    return aligned


def can_crop(face: Face, size: int) -> bool:
    """Whether `crop` has what it needs: the photo, or the crop of that size that was kept in its place."""
    return face.picture.photo is not None or (face.upright is not None and len(face.upright) == size)


def _kept(face: Face, size: int) -> Pixels:
    if face.upright is None or len(face.upright) != size:
        held = "no upright crop" if face.upright is None else f"an upright crop of {len(face.upright)} pixels"
        raise MissingPhoto(
            f"The photo of {face.picture.name} is not there, and the file its face comes from has {held}; one of {size} "
            f"is needed. Save the faces again with 'crop' set to {size}, or connect Find Faces with the photo."
        )
    return face.upright
