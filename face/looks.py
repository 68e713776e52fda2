"""What a detector sees in a picture in several turns -> the faces that are there, each once."""

from collections.abc import Sequence

import numpy as np

from .models import Detections
from .refine import overlap

SURE = 0.7
"""A score from which a face is a face: upright ones have it, those that stand on their head are mostly below."""
ONE_FACE = 0.2
"""Intersection over union of the boxes above which looks in two turns mean the same face."""
NOTHING = Detections(np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, np.float32), ())


def best_of(looks: Sequence[Detections]) -> Detections:
    """Of each face the look with the best score, best first.

    The look with the best score of all decides what is a face; of what it does not see only what is sure stays, since
    somebody may lie beside people who stand.
    """
    best, *others = sorted(looks, key=lambda look: -look.scores.max(initial=0))
    if not any(len(look.boxes) for look in others):
        return best
    known = [best, *others]
    which = np.repeat(np.arange(len(known)), [len(look.boxes) for look in known])
    boxes, scores = np.concatenate([look.boxes for look in known]), np.concatenate([look.scores for look in known])
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        rivals = [j for j in kept if which[j] != which[i]]
        is_new = overlap(boxes[rivals], boxes[i]).max(initial=0) < ONE_FACE
        if is_new and (which[i] == 0 or scores[i] >= SURE):
            kept.append(int(i))
    rungs = [rung for look in known for rung in look.rungs]
    keypoints = np.concatenate([look.keypoints for look in known])
    return Detections(boxes[kept], keypoints[kept], scores[kept], tuple(rungs[i] for i in kept))
