"""Faces -> their embeddings: 512 numbers that are close for two photos of one person."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .align import crop
from .detect import Tick, silent
from .errors import WrongRecogniser
from .models import FaceModels
from .recognisers import PACK_OF, in_words, is_unknown, remedy
from .value import Array, Face, FaceBatch, PictureFaces, frozen


def embed(models: FaceModels, face: Face) -> Face:
    """The face with its raw embedding (512,) and the recogniser's id, as insightface's recogniser gives it."""
    key = (face.picture.digest, face.keypoints.tobytes())
    return replace(
        face, embedding=models.embedded.get(key, lambda: _run(models, face)), recogniser=models.recogniser_id
    )


def embed_batch(models: FaceModels, batch: FaceBatch, tick: Tick = silent) -> FaceBatch:
    """The same for every face that has none yet: one that was combined of several photos stays as it is."""
    done: list[PictureFaces] = []
    for entry in batch:
        faces = (embed(models, face) if face.embedding is None else face for face in entry.faces)
        done.append(replace(entry, faces=tuple(faces)))
        tick(len(done), len(batch))
    return tuple(done)


def embeddings(faces: Sequence[Face]) -> Array:
    """Raw embeddings (N, 512) of faces that one recogniser embedded.

    Raises ValueError if a face has none and WrongRecogniser if they come from different recognisers.
    """
    rows = [face.embedding for face in faces if face.embedding is not None]
    if not rows or len(rows) < len(faces):
        raise ValueError(
            f"{len(faces) - len(rows)} of {len(faces)} faces have no embedding. "
            "Switch 'embed' on in Find Faces, or use Embed Faces."
        )
    names = sorted({face.recogniser or "none" for face in faces})
    if len(names) > 1:
        raise WrongRecogniser(
            f"These faces were embedded by different recognisers ({', '.join(names)}), "
            "whose numbers cannot be compared. Use one Load Face Models for all of them."
        )
    return np.stack(rows)


def check_recogniser(found: str | None, wanted: str, purpose: str, *, override: bool = False) -> str:
    """Refuse an embedding that an adapter was not trained on: WrongRecogniser, with the reason.

    With `override` it goes through and the returned note says what is wrong; it is empty if all is well.
    """
    if found == wanted:
        return ""
    problem = (
        f"{purpose} was trained on embeddings of {in_words(wanted)}, these come from {in_words(found or 'no recogniser')}: "
        "they have as many numbers but mean something else, and the picture will show another person"
    )
    if override:
        return f"{problem} (allowed by you)."
    pack = PACK_OF.get(wanted, wanted)
    again = f", which a copy of {pack} that was saved anew needs too" if is_unknown(found or "") else ""
    raise WrongRecogniser(f"{problem}. {remedy(wanted)}, or switch 'any_recogniser' on{again}.")


def _run(models: FaceModels, face: Face) -> Array:
    bgr = np.ascontiguousarray(crop(face)[..., ::-1])
    with models.turn():
        return frozen(models.recogniser.get_feat(bgr).ravel())
