"""Pictures from anywhere -> a lesson on disk, a stretch of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ...attention.models.families import UNETS
from ...attention.models.unet import family_of_model, model_layers
from ...attention.reference.embeds import Embeds
from ...attention.training import lesson
from ...attention.training.buckets import Cut, cut_for
from ...attention.training.dataset import Text
from ...attention.training.references import CROPS
from ...attention.training.shards import Encoded, Shard, write_shard
from ...attention.training.train import INSTANTID
from ...face.embed import embeddings
from ...face.pose import moved
from ..people.people import no_face
from .dataset import encoded_text, no_picture, seen
from .face_dataset import check_recogniser, face_in
from .folder import read_picture
from .reference_inputs import Views

BLANK = 224  # pixels of the picture that tells an encoder's shapes


@dataclass(frozen=True, eq=False)
class Source:
    """A picture to encode: its name among all of them, what opens it, its caption, and whose reference it may be."""

    name: str
    open: Callable[[], BinaryIO]
    caption: str
    refers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Models:
    """What encodes: the base model with its text encoder and autoencoder, and the image encoder or the face models."""

    model: Any
    clip: Any
    vae: Any
    sees: Any


@dataclass(frozen=True)
class Wanted:
    """How pictures are encoded, and what is said of where they and the models come from."""

    variant: str
    side: int
    views: Views
    half: bool
    per_shard: int
    pictures: str
    models: Mapping[str, str]
    any_recogniser: bool = False


class Course(Protocol):
    """Follows what a stretch is at."""

    def begins(self, name: str) -> str:
        """A picture is next, by its name, or with none a caption; why a picture is to be left out, or nothing."""
        ...

    def ended(self) -> None:
        """A picture has come to an end, good or bad."""
        ...


class Encoding:
    """Encodes stretches of pictures into the files of a lesson."""

    def __init__(self, folder: Path, models: Models, wanted: Wanted) -> None:
        """Raises ValueError for a model or a recogniser that cannot be trained for."""
        self._folder = folder
        self._models = models
        self._wanted = wanted
        self._family = family_of_model(model_layers(models.model), UNETS)
        if self._people:
            check_recogniser(models.sees.recogniser_id, wanted.any_recogniser)

    @property
    def _people(self) -> bool:
        return self._wanted.variant == INSTANTID

    def begin(self) -> None:
        """Begin the lesson or go on with it. Raises ValueError for one that was made otherwise."""
        wanted, nothing = self._wanted, self._nothing()
        views = 1 if self._people else (1 + wanted.views.flip) + (CROPS if wanted.views.crop < 1 else 0)
        lesson.begin(
            self._folder,
            lesson.Made(
                wanted.variant,
                self._family.name,
                wanted.side,
                {"flip": float(wanted.views.flip), "crop": wanted.views.crop, "count": views},
                dict(wanted.models),
                nothing.encoder,
                self._models.sees.recogniser_id if self._people else "",
                wanted.pictures,
                wanted.per_shard,
                wanted.half,
                self._family.cell,
            ),
        )
        lesson.keep_nothing(self._folder, encoded_text(self._models.clip, ""), nothing)

    def stretch(self, number: int, sources: Sequence[Source], course: Course) -> None:
        """Encode a stretch; a picture that cannot be is an error of its own."""
        rows: list[Encoded] = []
        errors: dict[str, str] = {}
        for source in sources:
            wrong = course.begins(source.name) or self._add(source, rows)
            if wrong:
                errors[source.name] = wrong
            course.ended()
        texts: dict[str, Text] = {}
        for caption in {row.caption for row in rows}:
            course.begins("")
            texts[caption] = encoded_text(self._models.clip, caption)
        write_shard(lesson.shard_file(self._folder, number), rows, texts, errors)

    def _add(self, source: Source, rows: list[Encoded]) -> str:
        """Encode a picture; what is wrong with it, or nothing."""
        try:
            rows.append(self._encoded(source))
        except UnidentifiedImageError:
            return "it is no picture that can be read."
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            return str(error) or type(error).__name__
        return ""

    def leave_out(self, number: int, sources: Sequence[Source], why: str) -> None:
        """Write a stretch of which every picture is an error."""
        write_shard(lesson.shard_file(self._folder, number), [], {}, {source.name: why for source in sources})

    def _encoded(self, source: Source) -> Encoded:
        with source.open() as file:
            picture = read_picture(file)
        height, width = picture.shape[1:3]
        cut = cut_for(width, height, self._wanted.side)
        views, keypoints = self._seen(picture, cut)
        latent: Tensor = self._models.vae.encode(cut.apply(picture))[0].cpu()
        dtype = torch.float16 if self._wanted.half else latent.dtype
        kept = [view.with_features(**{n: self._kept(view.feature(n)) for n in view.names}) for view in views]
        return Encoded(source.name, latent.to(dtype), kept, source.caption, keypoints, source.refers)

    def _kept(self, feature: Tensor) -> Tensor:
        # A face is small, and what tells two people apart is in its last digits.
        return feature.half() if self._wanted.half and not self._people else feature

    def _seen(self, picture: Tensor, cut: Cut) -> tuple[Sequence[Embeds], Tensor | None]:
        if not self._people:
            return seen(picture, self._models.sees, self._wanted.variant, self._wanted.views).views, None
        face = face_in(self._models.sees, picture, cut)
        if face is None:
            raise ValueError("it shows no face, or only one that its bucket cuts off.")
        points = moved(face.keypoints, cut.scale, cut.offset)
        read = torch.from_numpy(embeddings([face]).copy())
        return [Embeds(face=read)], torch.from_numpy(np.array(points, np.float32))

    def _nothing(self) -> Embeds:
        if self._people:
            return no_face()
        blank = torch.zeros(1, BLANK, BLANK, 3)
        (like,) = seen(blank, self._models.sees, self._wanted.variant, Views()).views
        return no_picture(self._wanted.variant, self._models.sees, like)


def has(folder: Path, number: int) -> bool:
    """Whether a stretch of a lesson is encoded already."""
    return lesson.shard_file(folder, number).is_file()


def errors_in(folder: Path, number: int) -> Mapping[str, str]:
    """What went wrong in a stretch that is encoded, by the picture's name."""
    return Shard(lesson.shard_file(folder, number)).listed().errors


def end(folder: Path, count: int) -> tuple[int, Mapping[str, str]]:
    """List `count` stretches in the index; how many pictures there are, and what went wrong by the picture's name."""
    return lesson.end(folder, count)
