"""Pictures of several methods, and what they are compared with -> what was measured of each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...attention.reference.encode import describe, encode
from ...attention.reference.text_embeds import is_long, likeness_to_pictures, likeness_to_text
from ...face.choose import choose
from ...face.detect import find
from ...face.embed import embed_batch
from ...face.errors import missing_face
from ...face.models import FaceModels
from ...face.picture import pictures
from ...face.recognisers import in_words
from ...face.value import Face, FaceBatch, Picture
from ..page.progress import ticker
from .comparison import Judged, Method, of_face

Named = Sequence[tuple[str, Tensor]]
"""The pictures (n, H, W, 3), 0..1, of each method with its name."""


@dataclass(frozen=True)
class Photos:
    """The photo that pictures were made from, and another of the same person: their largest faces."""

    reference: Face
    truth: Face | None


@dataclass(frozen=True)
class Eyes:
    """An image encoder, the text encoder of the same CLIP with the text, and pictures that no method acted on: what there is."""

    clip_vision: Any | None = None
    clip: Any | None = None
    prompt: str = ""
    plain: Tensor | None = None

    @property
    def notes(self) -> list[str]:
        """What a user should read about how the text was measured."""
        is_cut = self.clip is not None and is_long(self.clip, self.prompt)
        return (
            ["'prompt' is longer than the 75 tokens that CLIP reads at once: the text is its beginning"]
            if is_cut
            else []
        )

    @property
    def name(self) -> str:
        return "" if self.clip_vision is None else describe(self.clip_vision)


def named(images: dict[str, Tensor], labels: str) -> list[tuple[str, Tensor]]:
    """The pictures of each method with its name, in the order of the inputs; one that is left open keeps its line."""
    lines = [line.strip() for line in labels.split("\n")]
    numbered = sorted((int(name.removeprefix("image")), name) for name in images)
    return [(lines[i] if i < len(lines) and lines[i] else name, images[name]) for i, name in numbered]


def photos(models: FaceModels, reference: FaceBatch, truth: FaceBatch | None) -> Photos:
    """The faces to compare with. Raises ValueError unless `models` embedded them, MissingFace where there is none."""
    found = {"reference": reference} if truth is None else {"reference": reference, "truth": truth}
    faces = {name: _largest(name, batch) for name, batch in found.items()}
    for name, face in faces.items():
        if face.recogniser != models.recogniser_id:
            made = in_words(face.recogniser) if face.recogniser else "nothing"
            raise ValueError(
                f"'{name}' was embedded by {made} and 'face_models' is {in_words(models.recogniser_id)}: their numbers cannot "
                f"be compared. Connect to '{name}' a Find Faces that has the same Load Face Models."
            )
    return Photos(faces["reference"], faces.get("truth"))


def _largest(name: str, batch: FaceBatch) -> Face:
    faces = choose(batch[:1], missing="skip")[0].faces
    if not faces:
        raise missing_face(f"the photo of '{name}'")
    return faces[0]


def judged(methods: Named, models: FaceModels, compared: Photos, eyes: Eyes) -> list[Method]:
    """Every picture by its largest face and by CLIP; one without a face by CLIP alone.

    Raises ValueError where a part of what was asked for is missing, before anything is computed.
    """
    _check(methods, eyes)
    seen = [_seen(image, eyes) for _, image in methods]
    count, tick = sum(len(image) for _, image in methods), ticker()
    rows: list[Method] = []
    done = 0
    for (label, image), values in zip(methods, seen, strict=True):
        row: list[Judged] = []
        for picture, given in zip(pictures(image), values, strict=True):
            row.append(_of_picture(models, picture, compared, given))
            done += 1
            tick(done, count)
        rows.append(Method(label, tuple(row)))
    return rows


def _of_picture(models: FaceModels, picture: Picture, compared: Photos, given: dict[str, float]) -> Judged:
    found = find(models, (picture,))
    (entry,) = embed_batch(models, choose(found, missing="skip"))
    face = entry.faces[0] if entry.faces else None
    identity = {} if face is None else of_face(face, compared.reference, compared.truth)
    return Judged(picture.index + 1, face, len(found[0].faces), {**identity, **given})


def _check(methods: Named, eyes: Eyes) -> None:
    if not methods:
        raise ValueError("nothing is connected to 'images'. Connect the pictures of a method to 'image0'.")
    if eyes.clip_vision is None and (eyes.clip is not None or eyes.plain is not None):
        raise ValueError(
            f"'{'plain' if eyes.clip is None else 'clip'}' is connected and no image encoder is. Connect a Load CLIP Vision "
            "to 'clip_vision' (for an SDXL model CLIP-ViT-bigG-14-laion2B-39B-b160k.safetensors), or nothing to 'clip' and "
            "'plain'."
        )
    if eyes.clip is not None and not eyes.prompt.strip():
        raise ValueError("'clip' is connected and 'prompt' is empty. Write the text that the pictures were made with.")
    for label, image in methods:
        if eyes.plain is not None and len(image) != len(eyes.plain):
            raise ValueError(
                f"'{label}' has {len(image)} pictures and 'plain' has {len(eyes.plain)}: they are compared one by one, each "
                "with that of the same seed. Make as many of both."
            )


def _seen(image: Tensor, eyes: Eyes) -> list[dict[str, float]]:
    """What CLIP says of every picture of one method: likeness to the text, and to the picture without a method."""
    columns: dict[str, list[float]] = {}
    if eyes.clip is not None:
        pictures_seen = encode(eyes.clip_vision, image)
        columns["text_similarity"] = likeness_to_text(pictures_seen, eyes.name, eyes.clip, eyes.prompt)
    if eyes.plain is not None:
        columns["plain_similarity"] = likeness_to_pictures(
            encode(eyes.clip_vision, image), encode(eyes.clip_vision, eyes.plain)
        )
    return [{name: values[i] for name, values in columns.items()} for i in range(len(image))]
