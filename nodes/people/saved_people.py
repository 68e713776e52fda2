"""Faces that are saved or loaded -> what is in them in words, and what an adapter lacks in them."""

from __future__ import annotations

from ...attention.adapter.adapter import Adapter
from ...face.embed import check_recogniser
from ...face.recognisers import remedy
from ...face.value import Face, FaceBatch, PictureFaces
from ..page.show import MOST
from .face_reference import CUTS, reads_faces

FROM_PHOTO = "Save what Encode Reference makes of the photo with Save Embeds, and load that."


def summary(faces: FaceBatch) -> str:
    """A line for each of the first pictures: its size, and of each face its score, recogniser and crop."""
    return "\n".join(_line(entry) for entry in faces[:MOST])


def check_can_be_read(adapter: Adapter, faces: FaceBatch, name: str) -> None:
    """Raise ValueError, naming the faces as `name`, unless the adapter finds in each what it reads."""
    if not reads_faces(adapter):
        raise ValueError(f"'{adapter.name}' is {adapter.label}, which reads a picture and not a face.")
    for entry in faces:
        for face in entry.faces:
            _check(adapter, face, f"{name}, {entry.picture.name}")


def _check(adapter: Adapter, face: Face, name: str) -> None:
    wanted = adapter.identity.variant.recogniser or ""
    if face.embedding is None:
        raise ValueError(
            f"{name}: a face has no embedding, which '{adapter.name}' ({adapter.label}) reads. {remedy(wanted)}, "
            "switch 'embed' on in Find Faces, and save the faces again."
        )
    check_recogniser(face.recogniser, wanted, f"{name}: {adapter.label}")
    cut = CUTS[adapter.identity.variant.shows]
    if adapter.identity.variant.encoder_feature and not cut.is_there(face):
        again = f"Save the faces again with 'crop' set to {cut.keeps}." if cut.keeps else FROM_PHOTO
        raise ValueError(
            f"{name}: there is no {cut.words}, which '{adapter.name}' ({adapter.label}) also reads. {again}"
        )


def _line(entry: PictureFaces) -> str:
    width, height = entry.picture.size
    found = "; ".join(map(_described, entry.faces)) or "no face"
    return f"{entry.picture.name}, {width}x{height}: {found}"


def _described(face: Face) -> str:
    known = "no embedding" if face.embedding is None else face.recogniser or "an unknown recogniser"
    crop = "" if face.upright is None else f"upright crop of {len(face.upright)} px"
    square = "" if face.unaligned is None else f"square of {len(face.unaligned)} px"
    return ", ".join(filter(None, (f"score {face.score:.2f}", known, crop, square)))
