"""A face -> the upright crop of 512 pixels that PuLID is shown, and that crop with everything but the face white.

Both as the authors make them (PuLID's pipeline and facexlib's `FaceRestoreHelper`).
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .errors import MissingPhoto
from .needs import opencv
from .value import Array, Face, Pixels

SIDE = 512
LONGEST = 1024
"""Pixels of a photo's longer side, above which it is made smaller first."""
TEMPLATE = np.array(
    [
        (192.98138, 239.94708),
        (318.90277, 240.1936),
        (256.63416, 314.01935),
        (201.26117, 371.41043),
        (313.08905, 371.15118),
    ]
)
"""Where facexlib puts eyes, nose and corners of the mouth: FFHQ's places in a square of SIDE pixels."""
BORDER = (132, 133, 135)
"""RGB where the photo ends."""
AROUND = (0, 7, 8, 9, 14, 15, 16, 18)
"""Classes that are not the face: background, ears and earring, neck and necklace, clothes, hat. Hair is the face's."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GREY = (0.299, 0.587, 0.114)


def portrait(face: Face) -> Pixels:
    """The face upright, (SIDE, SIDE, 3) RGB, by a least-median-of-squares fit of four degrees of freedom.

    Raises MissingPhoto for a face from a file, and ValueError for keypoints that lie in one place.
    """
    if face.picture.photo is None:
        raise MissingPhoto(
            f"The photo of {face.picture.name} is not there, and PuLID has to see the face in it. Connect Find Faces with "
            "the photo, or embeds that Encode Reference made of it."
        )
    photo, keypoints = _smaller(face.picture.pixels, face.keypoints)
    cv2 = opencv()
    matrix = cv2.estimateAffinePartial2D(keypoints, TEMPLATE, method=cv2.LMEDS)[0]
    if matrix is None or not np.isfinite(matrix).all():
        raise ValueError(
            f"The keypoints of a face cannot be aligned because they all lie in one place: {np.round(keypoints, 1).tolist()}."
        )
    upright: Pixels = cv2.warpAffine(photo, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_CONSTANT, borderValue=BORDER)
    return upright


def has_photo(face: Face) -> bool:
    """Whether `portrait` has what it needs."""
    return face.picture.photo is not None


def _smaller(photo: Pixels, keypoints: Array) -> tuple[Pixels, Array]:
    height, width = photo.shape[:2]
    factor = LONGEST / max(height, width)
    if factor >= 1:
        return photo, keypoints
    size = int(width * factor), int(height * factor)
    return opencv().resize(photo, size, interpolation=opencv().INTER_LANCZOS4), keypoints * factor


def only_the_face(portraits: Tensor, parse: Callable[[Tensor], Tensor]) -> Tensor:
    """Portraits (n, H, W, 3), 0..1, in grey, white where `parse` says that it is not the face.

    `parse` turns pixels (n, 3, H, W), normalised as ImageNet's are, into logits (n, classes, H, W).
    """
    mean, std, grey = (torch.tensor(row).view(1, 3, 1, 1) for row in (MEAN, STD, GREY))
    pixels = portraits.movedim(-1, 1)
    classes = parse((pixels - mean) / std).argmax(1, keepdim=True)
    around = torch.isin(classes, torch.tensor(AROUND))
    seen = torch.where(around, torch.ones(()), (pixels * grey).sum(1, keepdim=True).expand_as(pixels))
    return seen.movedim(1, -1)
