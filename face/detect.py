"""Pictures -> the faces in them: sizes from large to small, with a margin, turned, then larger, saying which try worked."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from .frame import framed
from .looks import NOTHING, SURE, best_of
from .models import Detections, Detector, FaceModels
from .refine import refined
from .turned import TURNS, back, boxes_back, scores_by_turn, turned
from .value import Array, Face, FaceBatch, Picture, PictureFaces, Pixels, Rung, frozen

LADDER = (640, 512, 448, 384, 320, 256, 192, 128)
"""640 is what the references use; a face that fills the picture is only found in a smaller picture."""

LARGER = (1280, 2560)
"""Tried last, where the photo has so many pixels: a face that is tiny at 640."""


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
    larger: bool = True
    turned: bool = True


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


def larger_rungs(detector: Detector, settings: Settings, longest: int) -> Iterator[Rung]:
    """What is left to try where no face was found: sizes above those of the ladder, up to twice the photo's own."""
    for size in LARGER if settings.larger and not detector.static_input_size else ():
        if max(settings.sizes) < size < 2 * longest:
            yield Rung(size=(size, size))


def _detect(models: FaceModels, picture: Picture, settings: Settings) -> Detections:
    bgr = np.ascontiguousarray(picture.pixels[..., ::-1])
    detector, plain = models.detector, replace(settings, pad=False)
    found = _search(models, bgr, settings, tuple(rungs(detector, settings)), tuple(rungs(detector, plain)))
    larger = tuple(larger_rungs(detector, settings, max(picture.size)))
    # The largest sizes take longest, so a turned photo is looked at in the first of them only.
    return found if len(found.boxes) or not larger else _search(models, bgr, settings, larger, larger[:1])


def _search(
    models: FaceModels, bgr: Pixels, settings: Settings, tries: tuple[Rung, ...], turned_tries: tuple[Rung, ...]
) -> Detections:
    """What is found in the picture as it is and, where that is doubtful, in the turned picture."""
    first = _look(models, bgr, tries, settings)
    turns = _doubted(models, bgr, first) if settings.turned else ()
    return best_of([first, *(_look(models, bgr, turned_tries, settings, turn) for turn in turns)])


def _look(models: FaceModels, bgr: Pixels, tries: Iterable[Rung], settings: Settings, turn: int = 0) -> Detections:
    """What the first try that finds a face finds in the picture turned by `turn`, in pixels of the picture itself."""
    pixels = turned(bgr, turn)
    for rung in tries:
        with models.turn():
            boxes, keypoints = _try(models.detector, pixels, rung, settings.threshold)
        if len(boxes):
            found = Detections(boxes[:, :4], keypoints, boxes[:, 4], (replace(rung, turned=turn),) * len(boxes))
            found = _second_pass(models, pixels, found, settings) if settings.refine else found
            size = bgr.shape[1], bgr.shape[0]
            return (
                replace(found, boxes=boxes_back(found.boxes, turn, size), keypoints=back(found.keypoints, turn, size))
                if turn
                else found
            )
    return NOTHING


def _doubted(models: FaceModels, bgr: Pixels, found: Detections) -> tuple[int, ...]:
    """The further turns to look at the whole picture in: none for the ordinary photo.

    A detector takes many a face that stands on its head for an upright one, with its mouth for the eyes, so the largest
    is looked at in all turns, small. A detector with a fixed input has no small look: there the score alone decides.
    """
    if not len(found.boxes):
        return TURNS[1:]
    is_sure = float(found.scores.max()) >= SURE
    if models.detector.static_input_size:
        return () if is_sure else TURNS[1:]
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    with models.turn():
        scores = scores_by_turn(models.detector, bgr, found.boxes[int(sides.prod(axis=1).argmax())])
    is_upright = bool(scores.argmax() == 0) and (is_sure or bool(scores.any()))
    return () if is_upright else TURNS[1:]


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
