"""Pictures -> the faces in them: sizes from large to small, then with a margin, saying which try worked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from .frame import framed
from .models import Detections, Detector, FaceModels
from .refine import refined
from .value import Array, Face, FaceBatch, Picture, PictureFaces, Pixels, Rung, frozen

LADDER = (640, 512, 448, 384, 320, 256, 192, 128)
"""640 is what the references use; a face that fills the picture is only found in a smaller picture."""


def ladder(first: int) -> tuple[int, ...]:
    """The sizes from `first` down; more than 640 finds tiny faces in large pictures. A multiple of 32 (SCRFD)."""
    if first <= 0 or first % 32:
        raise ValueError(f"The detector's size must be a multiple of 32 pixels, found {first}.")
    return (first, *(size for size in LADDER if size < first))


Tick = Callable[[int, int], None]
"""Called with (done, of) after every picture: to show progress, or to raise when the user stopped the run."""


def silent(done: int, of: int) -> None:
    """A Tick that does nothing."""


@dataclass(frozen=True)
class Settings:
    """How to look for faces; the defaults are InstantID's and FaceID's, plus the tries after a failure."""

    sizes: tuple[int, ...] = LADDER
    threshold: float = 0.5
    pad: bool = True
    refine: bool = False


def find(
    models: FaceModels, batch: tuple[Picture, ...], settings: Settings | None = None, tick: Tick = silent
) -> FaceBatch:
    """The faces of every picture, best score first, not embedded; a picture without a face keeps its place."""
    wanted = settings or Settings()
    found: list[PictureFaces] = []
    for picture in batch:
        detections = models.found.get((picture.digest, wanted), lambda p=picture: _detect(models, p, wanted))
        found.append(PictureFaces(picture, _faces(picture, detections)))
        tick(len(found), len(batch))
    return tuple(found)


def rungs(detector: Detector, settings: Settings) -> Iterator[Rung]:
    """The tries in order; a detector with a fixed input has one size only."""
    fixed = detector.static_input_size
    sizes = [(int(fixed[0]), int(fixed[1]))] if fixed else [(size, size) for size in settings.sizes]
    for padded in (False, True) if settings.pad else (False,):
        for size in sizes:
            yield Rung(size=size, padded=padded)


def _detect(models: FaceModels, picture: Picture, settings: Settings) -> Detections:
    bgr = np.ascontiguousarray(picture.pixels[..., ::-1])
    detector = models.detector
    for rung in rungs(detector, settings):
        with models.turn():
            boxes, keypoints = _try(detector, bgr, rung, settings.threshold)
        if len(boxes):
            found = Detections(boxes[:, :4], keypoints, boxes[:, 4], (rung,) * len(boxes))
            return _second_pass(models, bgr, found, settings) if settings.refine else found
    return Detections(np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, np.float32), ())


def _try(detector: Detector, bgr: Pixels, rung: Rung, threshold: float) -> tuple[Array, Array]:
    """Boxes with score (N, 5) and keypoints (N, 5, 2) in pixels of the picture."""
    size = rung.size or (LADDER[0], LADDER[0])
    room = min(size) / (2 if rung.padded else 1)
    height, width = bgr.shape[:2]
    if min(height, width) * room / max(height, width) < 1:
        return np.empty((0, 5), np.float32), np.empty((0, 5, 2), np.float32)  # a line: less than a pixel wide
    frame = framed(bgr, size) if rung.padded else None
    boxes, keypoints = detector.detect(frame.canvas if frame else bgr, size, det_thresh=threshold)
    if keypoints is None:
        raise ValueError("The detector gives no keypoints; use one of the 'kps' files, such as scrfd_10g_bnkps.onnx.")
    if frame and len(boxes):
        boxes[:, :4] = frame.back(boxes[:, :4].reshape(-1, 2, 2)).reshape(-1, 4)
        keypoints = frame.back(keypoints)
    return boxes, keypoints


def _second_pass(models: FaceModels, bgr: Pixels, found: Detections, settings: Settings) -> Detections:
    boxes, keypoints, scores = found.boxes.copy(), found.keypoints.copy(), found.scores.copy()
    rungs_now: list[Rung] = list(found.rungs)
    for i in range(len(boxes)):
        with models.turn():
            better = refined(models.detector, bgr, boxes[i], settings.threshold)
        if better is not None:
            boxes[i], keypoints[i], scores[i] = better
            rungs_now[i] = replace(rungs_now[i], refined=True)
    return Detections(boxes, keypoints, scores, tuple(rungs_now))


def _faces(picture: Picture, found: Detections) -> tuple[Face, ...]:
    return tuple(
        Face(picture, frozen(box), frozen(keypoints), float(score), rung)
        for box, keypoints, score, rung in zip(found.boxes, found.keypoints, found.scores, found.rungs, strict=True)
    )
