"""Pictures with captions -> what the trainer learns from: latents, text and features, each encoded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...attention.cache import digest
from ...attention.reference.embeds import Embeds
from ...attention.reference.encode import encode, encode_zero_pixels
from ...attention.training.buckets import Cut, cut_for
from ...attention.training.dataset import Dataset, Example, Text
from ...attention.training.new_adapter import variant_named
from ...attention.training.references import Partners, of_subject, referring, views_of
from .folder import read_folder
from .reference_inputs import Views, subjects_for

Tick = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class CaptionedPictures:
    """Pictures (1, H, W, 3) with a caption each, and what encodes them for a base model."""

    pictures: Sequence[Tensor]
    captions: Sequence[str]
    vae: Any
    clip: Any
    bucket_side: int
    partners: Partners
    stand_in: tuple[str, int] = ("", 0)  # the caption of those without one, and how many these are
    names: Sequence[str] = ()  # where they are files

    def cut(self, number: int) -> Cut:
        """How a picture comes into its bucket."""
        height, width = self.pictures[number].shape[1:3]
        return cut_for(width, height, self.bucket_side)

    def latent(self, number: int) -> Tensor:
        """A picture in its bucket, (C, h, w), as the autoencoder gives it."""
        latent: Tensor = self.vae.encode(self.cut(number).apply(self.pictures[number]))
        return latent[0].cpu()

    def only(self, numbers: Sequence[int]) -> CaptionedPictures:
        """These pictures alone."""
        place = {number: kept for kept, number in enumerate(numbers)}
        return replace(
            self,
            pictures=[self.pictures[number] for number in numbers],
            captions=[self.captions[number] for number in numbers],
            partners=[[place[other] for other in self.partners[number] if other in place] for number in numbers],
        )

    def told(self) -> str:
        """How many are shown with another one as their reference or have no caption of their own, as lines of a report;
        nothing for none."""
        caption, without = self.stand_in
        count, of = sum(bool(others) for others in self.partners), len(self.partners)
        others = f"\nshown another picture of their subject: {count} of {of}" if count else ""
        return others + (f"\nwithout a caption, so '{caption}': {without} of {of}" if without and caption else "")

    def encoded(self, numbered: Callable[[int], Shown], tick: Tick) -> tuple[tuple[Example, ...], Text]:
        """An example of each picture, with what `numbered` says is shown of it; and the text that stands for none."""
        told = {text: encoded_text(self.clip, text) for text in ("", *dict.fromkeys(self.captions))}
        examples: list[Example] = []
        views: list[Sequence[Embeds]] = []
        for number, caption in enumerate(self.captions):
            shown = numbered(number)
            examples.append(Example(self.latent(number), told[caption], shown.views[0], shown.hint))
            views.append(shown.views)
            tick(len(examples), len(self.pictures))
        return referring(examples, views, self.partners), told[""]


@dataclass(frozen=True, eq=False)
class Shown:
    """What an adapter may be shown of a picture: its features (each n = 1), and where there is one its keypoint picture."""

    views: Sequence[Embeds]
    hint: Callable[[], Tensor] | None = None


def captioned_pictures(
    lists: Mapping[str, Sequence[Any]], models: tuple[Any, Any], bucket_side: int
) -> CaptionedPictures:
    """The pictures of a list of batches ('images') with their captions ('texts') and subjects.

    Or those of the 'folder' below ComfyUI's input. `models` are the autoencoder and the text encoder.
    Raises ValueError unless there is one of both.
    """
    folder = next(iter(lists.get("folder", ())), "").strip()
    if bool(folder) == bool(lists.get("images")):
        raise ValueError(
            f"there are {'two sources of pictures' if folder else 'no pictures'}. Connect 'images', or set 'folder' to a "
            "folder in ComfyUI's input; not both."
        )
    if folder and any(text.strip() for text in lists.get("subjects", ())):
        raise ValueError(
            "'subjects' is for pictures on 'images'; for those of a folder put references.csv beside them, with the columns "
            "'file' and 'subject'."
        )
    if folder:
        found = read_folder(folder)
        stand_in = next(iter(lists.get("texts") or ("",)))
        captions = [caption or stand_in for caption in found.captions]
        without = sum(not caption for caption in found.captions)
        return CaptionedPictures(
            found.pictures, captions, *models, bucket_side, found.partners, (stand_in, without), found.names
        )
    pictures = [picture[None, ..., :3] for batch in lists["images"] for picture in batch]
    count = len(pictures)
    subjects = subjects_for(lists.get("subjects", ()), count)
    partners = of_subject(subjects, [str(number) for number in range(count)])
    return CaptionedPictures(pictures, captions_for(lists.get("texts", ()), count), *models, bucket_side, partners)


def captions_for(texts: Sequence[str], count: int) -> list[str]:
    """One caption for each picture. Raises ValueError unless there is one for each, one for all, or none."""
    if len(texts) in (0, 1):
        return [texts[0] if texts else ""] * count
    if len(texts) != count:
        raise ValueError(
            f"there are {count} pictures and {len(texts)} texts. Connect both from the same Load Image-Text (from "
            "Folder), or one text for all."
        )
    return list(texts)


def dataset_of(given: CaptionedPictures, clip_vision: Any, variant: str, views: Views, tick: Tick) -> Dataset:
    """Everything encoded, the references being the pictures themselves as the image encoder sees them, or their partners."""
    examples, no_text = given.encoded(lambda number: seen(given.pictures[number], clip_vision, variant, views), tick)
    return Dataset(examples, no_text, no_picture(variant, clip_vision, examples[0].embeds))


def seen(picture: Tensor, clip_vision: Any, variant: str, views: Views) -> Shown:
    """What an image encoder sees in a picture and in its views."""
    seed = int(digest(picture)[:12], 16) if views.crop < 1 else 0
    sides = views_of(picture, views.flip, views.crop, seed)
    return Shown([_features(variant, encode(clip_vision, side)) for side in sides])


def encoded_text(clip: Any, text: str) -> Text:
    """A prompt as the base model reads it."""
    entries: Any = clip.encode_from_tokens_scheduled(clip.tokenize(text))
    return entries[0]


def _features(variant: str, embeds: Embeds) -> Embeds:
    """Only what the variant reads: the other features would fill the memory for nothing."""
    kept = {name: embeds.feature(name) for name in variant_named(variant).features}
    return Embeds(**kept, encoder=embeds.encoder)


def no_picture(variant: str, clip_vision: Any, like: Embeds) -> Embeds:
    """What stands for no picture, as in the authors' code: zeros, or the encoder's view of zero pixels."""
    if variant_named(variant).encodes_zero_pixels:
        return _features(variant, encode_zero_pixels(clip_vision))
    return Embeds(**{name: torch.zeros_like(like.feature(name)) for name in like.names}, encoder=like.encoder)
