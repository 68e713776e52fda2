"""Pictures with captions and the faces found in them -> what InstantID is trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ...attention.reference.embeds import Embeds
from ...attention.training.buckets import Cut
from ...attention.training.dataset import Dataset
from ...attention.training.new_adapter import variant_named
from ...attention.training.train import INSTANTID
from ...face.draw import draw_keypoints
from ...face.embed import embeddings
from ...face.errors import MissingFace, WrongRecogniser
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

    def told(self) -> str:
        """Which pictures were left out, as a line of a report; nothing for none."""
        left_out = f"{len(self.faceless)} of {self.count}, number {_named(self.faceless)}"
        return f"\nleft out, as they show no face: {left_out}" if self.faceless else ""


def face_dataset(given: CaptionedPictures, faces: Sequence[FaceBatch], rules: FaceRules, tick: Tick) -> FaceDataset:
    """Everything encoded: each picture with the embedding and the keypoints of its face.

    Raises ValueError for faces that are not of these pictures and for a picture with several, MissingFace for pictures
    without one unless they are skipped, and WrongRecogniser.
    """
    found = _faces_of(given, faces)
    usable = [number for number, face in enumerate(found) if face is not None]
    faceless = [number for number, face in enumerate(found) if face is None]
    _check_missing(faceless, len(found), rules.missing)
    people = [face for face in found if face is not None]
    _check_recogniser(people, rules.any_recogniser)
    kept = given.only(usable)
    read = torch.from_numpy(embeddings(people).copy())

    def shown(number: int) -> Shown:
        return Shown([Embeds(face=read[number][None])], hint_of(people[number].keypoints, kept.cut(number)))

    examples, no_text = kept.encoded(shown, tick)
    return FaceDataset(Dataset(examples, no_text, no_face()), faceless, len(found))


def hint_of(keypoints: Array, cut: Cut) -> Callable[[], Tensor]:
    """What draws the keypoints (5, 2) of a picture's face where they are in its bucket, (3, H, W), 0..1."""
    return partial(_drawn, moved(keypoints, cut.scale, cut.offset), cut.size)


def _drawn(keypoints: Array, size: tuple[int, int]) -> Tensor:
    return to_image([draw_keypoints([keypoints], size)])[0].movedim(-1, 0)


def _faces_of(given: CaptionedPictures, faces: Sequence[FaceBatch]) -> list[Face | None]:
    """The face of each picture, or None where there is none in what its bucket keeps of it."""
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
            raise ValueError(f"{name} has {len(entry.faces)} faces; one is needed. Put Choose Face in between.")
        found.append(next((face for face in entry.faces if _is_kept(face, given.cut(number))), None))
    return found


def _is_kept(face: Face, cut: Cut) -> bool:
    """Whether the face is in the part of its picture that the bucket shows."""
    x, y = (float(each) for each in moved(face.keypoints, cut.scale, cut.offset)[NOSE])
    return 0 <= x < cut.size[0] and 0 <= y < cut.size[1]


def _check_missing(numbers: Sequence[int], count: int, missing: str) -> None:
    if not numbers or (missing == SKIP and len(numbers) < count):
        return
    raise MissingFace(
        f"{len(numbers)} of {count} pictures show no face, or only one that their bucket cuts off: number "
        f"{_named(numbers)}. Take them out of the folder, lower the threshold in Find Faces, or set 'missing' to skip; at "
        "least one picture must show a face."
    )


def _named(numbers: Sequence[int]) -> str:
    """Pictures by their numbers from 1."""
    named = ", ".join(str(number + 1) for number in numbers[:MOST_NAMED])
    return named + (f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else "")


def _check_recogniser(people: Sequence[Face], any_recogniser: bool) -> None:
    wanted, found = variant_named(INSTANTID).recogniser or "", people[0].recogniser
    if found != wanted and not any_recogniser:
        raise WrongRecogniser(
            f"the faces were embedded by {found or 'no recogniser'}; InstantID reads {wanted}, the recogniser of "
            f"{PACK_OF[wanted]}. Load that pack, or switch 'any_recogniser' on here and wherever the trained adapter is "
            "applied: it will then read this recogniser alone."
        )
