"""Faces -> the embeds that a face adapter reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ...attention.adapter.adapter import Adapter
from ...attention.reference.embeds import Embeds
from ...attention.reference.encode import encode
from ...attention.reference.features import ENCODER, FEATURES
from ...face.align import can_crop, crop
from ...face.embed import check_recogniser, embeddings
from ...face.errors import missing_face
from ...face.picture import to_image
from ...face.portrait import has_photo, only_the_face, portrait
from ...face.square import SIDE, SQUARE, has_square, square
from ...face.value import Face, FaceBatch, Pixels

CROP = 224  # the size that FaceID plus was trained with, in both families


@dataclass(frozen=True)
class Cut:
    """How a face is cut out for an image encoder: by `cut`, if it `is_there`; `words` say what it is, `keeps` is the
    setting of Save Faces that keeps it."""

    cut: Callable[[Face], Pixels]
    is_there: Callable[[Face], bool]
    words: str
    keeps: str


CUTS: Mapping[str, Cut] = MappingProxyType(
    {
        "upright": Cut(
            lambda face: crop(face, CROP),
            lambda face: can_crop(face, CROP),
            f"upright crop of {CROP} pixels",
            str(CROP),
        ),
        "portrait": Cut(portrait, has_photo, "photo", ""),
        "square": Cut(square, has_square, f"square of {SIDE} pixels around the face", SQUARE),
    }
)
"""What a variant's encoder is shown -> how it is cut."""


def reads_faces(adapter: Adapter) -> bool:
    return adapter.identity.variant.recogniser is not None


def check_reads(adapter: Adapter, given: str) -> None:
    """Raise ValueError unless an adapter reads what is `given`, "image" or "faces", saying which to connect instead."""
    if reads_faces(adapter) == (given == "faces"):
        return
    if given == "faces":
        raise ValueError(
            f"'{adapter.name}' is {adapter.label}, which reads a picture: connect 'image' instead of 'faces'."
        )
    raise ValueError(
        f"'{adapter.name}' is {adapter.label}, which reads a face: connect 'faces' from Choose Face or Embed Faces "
        "instead of 'image'."
    )


def embeds_of_faces(adapter: Adapter, faces: FaceBatch, clip_vision: Any | None, any_recogniser: bool) -> Embeds:
    """The embeds of one face of each picture, as the adapter was trained: raw and of length 1, and for FaceID
    plus and PuLID what its encoder says of the face as it is shown it.

    Raises ValueError for a picture without a face or with several, for faces without embedding and, unless
    `any_recogniser`, for those of another recogniser than the adapter's.
    """
    people = [_only_face(entry.picture.name, entry.faces) for entry in faces]
    raw = torch.from_numpy(embeddings(people).copy())
    wanted = adapter.identity.variant.recogniser
    if wanted is not None:
        check_recogniser(people[0].recogniser, wanted, adapter.label, override=any_recogniser)
    read = Embeds(face=raw, unit_face=torch.nn.functional.normalize(raw, dim=-1))
    variant = adapter.identity.variant
    if variant.encoder_feature is None:
        return read
    shown = to_image([CUTS[variant.shows].cut(face) for face in people])
    seen = _seen_alone(clip_vision, shown) if variant.shows == "portrait" else encode(clip_vision, shown)
    of_encoder = {name: seen.feature(name) for name in variant.features if FEATURES[name].made_by == ENCODER}
    return Embeds(**read.features, **of_encoder, encoder=seen.encoder)


def _seen_alone(tower: Any, portraits: Tensor) -> Embeds:
    """What PuLID's tower says of portraits (n, H, W, 3), 0..1, once everything around the faces is white."""
    from ...attention.reference.face_tower import encode_faces
    from ..files.face_parser import face_parser

    return encode_faces(tower, portraits, lambda portrait: only_the_face(portrait, face_parser()))


def _only_face(picture: str, faces: tuple[Face, ...]) -> Face:
    if not faces:
        raise missing_face(picture)
    face, *others = faces
    if others:
        raise ValueError(f"{picture} has {len(faces)} faces; one is needed. Pick it with Choose Face.")
    return face
