"""Faces, masks and who goes where -> one person for each face: embeds, and the region of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...attention.branch.masks import within
from ...attention.inputs import check_number, masks_of
from ...attention.reference.embeds import NO_PICTURE, Embeds
from ...face.assign import ASSIGNMENTS, BY_LIST, BY_POSITION, Seating, assigned, places
from ...face.errors import missing_face
from ...face.masks import centres, normalised
from ...face.person_numbers import numbers_of
from ...face.value import Array, Face, FaceBatch, PictureFaces
from ..wires import FacesWire

if TYPE_CHECKING:
    from ...attention.adapter.adapter import Adapter

FACE_WIDTH = 512


@dataclass(frozen=True, eq=False)
class Person:
    """A face, its embeds (n = 1), and where in the picture it belongs: (B, H, W), 0..1, or None for everywhere."""

    face: Face
    embeds: Embeds
    region: Tensor | None


@dataclass(frozen=True, eq=False)
class Seats:
    """What people_inputs were set to, and a further mask `within` that limits everybody."""

    masks: Tensor | None = None
    who: str = "in order"
    order: str = ""
    any_recogniser: bool = False
    within: Tensor | None = None


def faces_input() -> io.Input:
    return FacesWire.Input(
        "faces",
        tooltip="The person: one face from Choose Face or Embed Faces. With 'masks', one face for each person: chosen in a "
        "photo each and put together by Join Faces, or all those of a group photo.",
    )


def people_inputs() -> list[io.Input]:
    """Several people: a region for each, who goes where, and whose embeddings are taken."""
    return [
        io.Mask.Input(
            "masks",
            optional=True,
            tooltip="For several people: one mask for each, as Face Masks gives them. Each face then acts in its own "
            "region only; where regions overlap, they share.",
        ),
        io.Combo.Input(
            "who",
            optional=True,
            options=list(ASSIGNMENTS),
            default="in order",
            tooltip="Which face goes to which mask. in order: the first to the first. by list: as 'order' says. by "
            "position: as they are placed in the photo; several photos count as if laid side by side.",
        ),
        io.String.Input(
            "order",
            optional=True,
            default="",
            placeholder="#2, #1",
            tooltip="For 'by list': the person of each mask in turn, by the numbers in the pictures: '#2, #1'. People may be "
            "left out. Without '#' faces are counted from 0: '1, 0' is the same.",
        ),
        io.Boolean.Input(
            "any_recogniser",
            optional=True,
            default=False,
            advanced=True,
            tooltip="Accept face embeddings of a recogniser other than the adapter's: InstantID's antelopev2, InfiniteYou's "
            "IR-SE50. The face will be another person's; for tests.",
        ),
    ]


def people_of(adapter: Adapter, model: ModelPatcher, faces: FaceBatch, seats: Seats) -> tuple[Person, ...]:
    """One person for each region, or the only one, once the adapter is seen to have an IdentityNet and to fit the model.

    Raises MissingFace for a picture without a face, ValueError for another adapter or model, for several faces without
    masks and for numbers that do not go together, and WrongRecogniser unless `seats.any_recogniser`.
    """
    from ...attention.models.fits import check_fits
    from .face_reference import embeds_of_faces

    _check_has_net(adapter)
    check_fits(adapter.layers, model)
    listed = _listed(faces)
    if seats.masks is None and len(listed) > 1 and seats.who != BY_LIST:
        counts = ", ".join(f"{entry.picture.name}: {len(entry.faces)}" for entry in faces)
        raise ValueError(
            f"'faces' contains {len(listed)} faces ({counts}), but without 'masks' there is only one person. Pick a face with "
            "Choose Face; combine several photos of one person with Embed Faces; for several people connect "
            "one mask for each to 'masks', from Face Masks."
        )
    regions, middles = _regions(seats)
    chosen = [
        listed[number]
        for number in assigned(seats.who, Seating(places(faces), middles, seats.order, numbers_of(listed)))
    ]
    alone = tuple(PictureFaces(face.picture, (face,)) for face in chosen)
    read = embeds_of_faces(adapter, alone, None, seats.any_recogniser)
    embeds = [
        Embeds(**{name: read.feature(name)[i : i + 1] for name in read.names}, encoder=read.encoder)
        for i in range(read.count)
    ]
    limit = None if seats.within is None else masks_of(seats.within, "the mask")
    return tuple(
        Person(face, its, _both(region, limit)) for face, its, region in zip(chosen, embeds, regions, strict=True)
    )


def recogniser_note(adapter: Adapter, people: tuple[Person, ...]) -> str:
    """What is wrong with the people's embeddings, where the user allowed it; empty where nothing is."""
    from ...face.embed import check_recogniser

    wanted = adapter.identity.variant.recogniser
    return check_recogniser(people[0].face.recogniser, wanted or "", adapter.label, override=True)


def no_face(noise: float = 0.0, seed: int = 0) -> Embeds:
    """The embeds of the unconditional half: zeros, as the authors', plus `noise` times uniform numbers from `seed`."""
    check_number(noise, "noise")
    face = torch.rand(1, FACE_WIDTH, generator=torch.Generator().manual_seed(seed)) * noise
    return Embeds(face=face, encoder=NO_PICTURE)


def _check_has_net(adapter: Adapter) -> None:
    """Raise ValueError, saying what the adapter is, unless its authors made an IdentityNet that reads its tokens."""
    if not adapter.identity.variant.has_net:
        raise ValueError(
            f"'{adapter.name}' is {adapter.label}, not InstantID nor InfiniteYou. Load InstantID's own adapter "
            "('ip-adapter.bin' of 1.69 GB, in models/instantid) or InfiniteYou's ('image_proj_model.bin' of 338 MB); other "
            "adapters act through Apply IP-Adapter. If this is a re-saved InstantID file, set 'kind' on Load IP-Adapter to "
            "'instantid'."
        )


def _regions(seats: Seats) -> tuple[list[Tensor | None], Array]:
    """The region of each person, (1, H, W), and its middle where the rule looks at it."""
    if seats.masks is None:
        return [None], np.full((1, 2), 0.5, np.float32)
    masks = masks_of(seats.masks, "masks").float()
    middles = centres(masks) if seats.who == BY_POSITION else np.zeros((len(masks), 2), np.float32)
    return list(normalised(masks).split(1)), middles


def _listed(faces: FaceBatch) -> list[Face]:
    empty = [entry.picture.name for entry in faces if not entry.faces]
    if empty or not faces:
        raise missing_face(", ".join(empty) or "any picture")
    return [face for entry in faces for face in entry.faces]


def _both(region: Tensor | None, mask: Tensor | None) -> Tensor | None:
    if region is None or mask is None:
        return region if mask is None else mask
    return within(region, mask)
