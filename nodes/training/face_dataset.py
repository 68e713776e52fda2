"""Pictures with captions and the faces found in them -> what InstantID is trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...attention.reference.embeds import Embeds
from ...attention.training.buckets import Cut
from ...attention.training.dataset import Dataset
from ...attention.training.new_adapter import variant_named
from ...attention.training.train import INSTANTID
from ...face.choose import choose
from ...face.detect import find
from ...face.draw import draw_keypoints
from ...face.embed import embed, embeddings
from ...face.errors import MissingFace, WrongRecogniser
from ...face.models import FaceModels
from ...face.picture import pictures, to_image
from ...face.pose import moved
from ...face.recognisers import PACK_OF
from ...face.value import Array, Face, FaceBatch
from ..people.people import no_face
from .dataset import CaptionedPictures, Shown, Tick

SKIP = "skip"
NOSE = 2  # of the keypoints
MOST_NAMED = 12  # pictures that a message lists


@dataclass(frozen=True)
class FaceRules:
    """What to do with pictures without a face (error or skip), and whether any recogniser will do."""

    missing: str
    any_recogniser: bool


@dataclass(frozen=True, eq=False)
class FaceDataset:
    """What is trained on, and the numbers (from 0) of the `count` given pictures that were left out as they show no face."""

    dataset: Dataset
    faceless: Sequence[int]
    count: int
    recogniser: str
    names: Sequence[str] = ()

    def told(self) -> str:
        """Which pictures were left out, as a line of a report; nothing for none."""
        left_out = f"{len(self.faceless)} of {self.count}, {_named(self.faceless, self.names)}"
        return f"\nleft out, as they show no face: {left_out}" if self.faceless else ""


def face_dataset(given: CaptionedPictures, found: Sequence[Face | None], rules: FaceRules, tick: Tick) -> FaceDataset:
    """Everything encoded: each picture with the embedding and the keypoints of its face.

    Raises MissingFace for pictures without one unless they are skipped, and WrongRecogniser.
    """
    usable = [number for number, face in enumerate(found) if face is not None]
    faceless = [number for number, face in enumerate(found) if face is None]
    _check_missing(faceless, given, rules.missing)
    people = [face for face in found if face is not None]
    recogniser = people[0].recogniser or ""
    check_recogniser(recogniser, rules.any_recogniser)
    kept = given.only(usable)
    read = torch.from_numpy(embeddings(people).copy())

    def shown(number: int) -> Shown:
        return Shown([Embeds(face=read[number][None])], hint_of(people[number].keypoints, kept.cut(number)))

    examples, no_text = kept.encoded(shown, tick)
    return FaceDataset(Dataset(examples, no_text, no_face()), faceless, len(found), recogniser, given.names)


def hint_of(keypoints: Array, cut: Cut) -> Callable[[], Tensor]:
    """What draws the keypoints (5, 2) of a picture's face where they are in its bucket, (3, H, W), 0..1."""
    return partial(drawn_hint, moved(keypoints, cut.scale, cut.offset), cut.size)


def drawn_hint(keypoints: Array | Tensor, size: tuple[int, int]) -> Tensor:
    """The picture (3, H, W), 0..1, of five points in a bucket of this size (width, height)."""
    return to_image([draw_keypoints([np.asarray(keypoints)], size)])[0].movedim(-1, 0)


def found_in(given: CaptionedPictures, models: FaceModels, tick: Tick) -> list[Face | None]:
    """The largest face of each picture, embedded, or None where there is none in what its bucket keeps of it."""
    found: list[Face | None] = []
    for number, picture in enumerate(given.pictures):
        found.append(face_in(models, picture, given.cut(number)))
        tick(len(found), len(given.pictures))
    return found


def face_in(models: FaceModels, picture: Tensor, cut: Cut) -> Face | None:
    """The largest face of a picture (1, H, W, 3), embedded, or None where its bucket keeps none."""
    (entry,) = choose(find(models, pictures(picture)), missing=SKIP)
    face = next((face for face in entry.faces if _is_kept(face, cut)), None)
    return None if face is None else embed(models, face)


def faces_of(given: CaptionedPictures, faces: Sequence[FaceBatch]) -> list[Face | None]:
    """The face of each picture, or None where there is none in what its bucket keeps of it.

    Raises ValueError for faces that are not of these pictures and for a picture with several.
    """
    entries = [entry for batch in faces for entry in batch]
    count = len(given.pictures)
    if len(entries) != count:
        raise ValueError(
            f"there are {count} pictures, but faces of {len(entries)}. Connect the same 'images' to Find Faces, with "
            "nothing in between that adds or drops pictures."
        )
    found: list[Face | None] = []
    for number, (picture, entry) in enumerate(zip(given.pictures, entries, strict=True)):
        name = f"picture {number + 1} of {count}"
        if entry.picture.digest != pictures(picture)[0].digest:
            raise ValueError(f"the faces of {name} were found in another picture. Connect the same 'images' to both.")
        if len(entry.faces) > 1:
            raise ValueError(f"{name} has {len(entry.faces)} faces; one is needed. Pick it with Choose Face.")
        found.append(next((face for face in entry.faces if _is_kept(face, given.cut(number))), None))
    return found


def _is_kept(face: Face, cut: Cut) -> bool:
    """Whether the face is in the part of its picture that the bucket shows."""
    x, y = (float(each) for each in moved(face.keypoints, cut.scale, cut.offset)[NOSE])
    return 0 <= x < cut.size[0] and 0 <= y < cut.size[1]


def _check_missing(numbers: Sequence[int], given: CaptionedPictures, missing: str) -> None:
    count = len(given.pictures)
    if not numbers or (missing == SKIP and len(numbers) < count):
        return
    raise MissingFace(
        f"{len(numbers)} of {count} pictures show no face, or only one that their bucket cuts off: "
        f"{_named(numbers, given.names)}. Take them out of the folder, lower the threshold in Find Faces, or set 'missing' to skip; at "
        "least one picture must show a face."
    )


def _named(numbers: Sequence[int], names: Sequence[str]) -> str:
    """Pictures by their names, or by their numbers from 1."""
    told = ", ".join(names[number] if names else str(number + 1) for number in numbers[:MOST_NAMED])
    more = f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else ""
    return ("" if names else "number ") + told + more


def check_recogniser(found: str, any_recogniser: bool) -> None:
    """Raise WrongRecogniser unless faces were embedded by the one that InstantID reads, or any will do."""
    wanted = variant_named(INSTANTID).recogniser or ""
    if found != wanted and not any_recogniser:
        raise WrongRecogniser(
            f"the faces were embedded by {found or 'no recogniser'}; InstantID reads {wanted}, the recogniser of "
            f"{PACK_OF[wanted]}. Load that pack, or switch 'any_recogniser' on here and wherever the trained adapter is "
            "applied: it will then read this recogniser alone."
        )
