"""A picture and its faces -> the picture with numbered boxes and keypoints drawn on it."""

from collections.abc import Sequence

import numpy as np

from .colours import Colour, of_person
from .draw import COLOURS
from .needs import opencv
from .person_numbers import numbers_of
from .value import PictureFaces, Pixels

SMALLEST = 256


def preview(entry: PictureFaces, longest: int = 1024) -> Pixels:
    """(H, W, 3) RGB, at most `longest` pixels long; each face in its person's colour, with that number."""
    cv2 = opencv()
    drawn = small(entry, longest)
    scale = max(drawn.shape[:2]) / max(entry.picture.size)
    thick = max(round(max(drawn.shape[:2]) / 500), 1)
    for number, face in zip(numbers_of(entry.faces), entry.faces, strict=True):
        x0, y0, x1, y1 = (int(v) for v in np.round(face.box * scale))
        cv2.rectangle(drawn, (x0, y0), (x1, y1), of_person(number - 1), thick)
        for colour, (x, y) in zip(COLOURS, face.keypoints * scale, strict=True):
            cv2.circle(drawn, (round(float(x)), round(float(y))), thick + 1, colour, -1)
        label(drawn, str(number), (x0, y0), max(thick * 0.35, 0.35), of_person(number - 1))
    return drawn


def small(entry: PictureFaces, longest: int = 1024) -> Pixels:
    """The picture alone, (H, W, 3) RGB, at most `longest` pixels long.

    Where only the faces were kept: black, with the crop of each where its box is, if there is one.
    """
    width, height = entry.picture.size
    scale = min(longest / max(width, height), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    if entry.picture.photo is None:
        return _from_crops(entry, size, scale)
    return np.ascontiguousarray(opencv().resize(entry.picture.photo, size, interpolation=opencv().INTER_AREA))


def _from_crops(entry: PictureFaces, size: tuple[int, int], scale: float) -> Pixels:
    canvas: Pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for face in entry.faces:
        if face.upright is None:
            continue
        x0, y0, x1, y1 = (float(v) for v in np.clip(face.box * scale, 0, (*size, *size)))
        box = canvas[round(y0) : round(y1), round(x0) : round(x1)]
        if box.size:
            box[:] = opencv().resize(face.upright, (box.shape[1], box.shape[0]), interpolation=opencv().INTER_AREA)
    return canvas


def same_size(drawn: list[Pixels]) -> list[Pixels]:
    """Pictures on black, all as large as the largest, so that they can be shown as one batch."""
    height, width = (max(picture.shape[axis] for picture in drawn) for axis in (0, 1))
    sheets: list[Pixels] = []
    for picture in drawn:
        sheet = np.zeros((height, width, 3), np.uint8)
        sheet[: picture.shape[0], : picture.shape[1]] = picture
        sheets.append(sheet)
    return sheets


def label(drawn: Pixels, text: str, corner: Sequence[int], size: float, colour: Colour) -> None:
    """Black on the box's colour, kept inside the picture."""
    cv2 = opencv()
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    x, y = max(corner[0], 0), max(corner[1], height + 4)
    cv2.rectangle(drawn, (x, y - height - 4), (x + width + 4, y), colour, -1)
    cv2.putText(drawn, text, (x + 2, y - 2), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)
