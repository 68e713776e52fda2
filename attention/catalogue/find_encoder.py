"""Finds among the files of image encoders the one that an adapter reads, by their contents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..adapter.variant import Variant
from ..files.damage import damage
from ..files.published import FILES
from ..reference.encoder_header import EncoderOutline, read
from ..reference.encoders import ENCODERS, Encoder, encoders_for
from .presets import PRESETS


@dataclass(frozen=True)
class Need:
    """What an adapter reads from an image encoder: a feature of a width, and the published encoders that fit."""

    feature: str
    width: int
    published: tuple[Encoder, ...]

    def met_by(self, outline: EncoderOutline) -> bool:
        tokens = {encoder.tokens for encoder in self.published}
        return outline.width(self.feature) == self.width and (not tokens or outline.tokens in tokens)

    def described(self) -> str:
        """What to get and where to put it."""
        if not self.published:
            return f"an image encoder with {self.feature} of width {self.width}, in models/clip_vision"
        return " or ".join(_described(encoder) for encoder in self.published)


@dataclass(frozen=True)
class EncoderFile:
    """An image encoder on disk: its name as the host lists it, and what its header shows."""

    name: str
    path: Path
    outline: EncoderOutline


def need(variant: Variant, width: int) -> Need | None:
    """What a variant whose encoder feature has this width reads; None when it reads faces alone.

    Of the published encoders of that width it is those that the variant was published with, if there are any:
    Kolors reads ViT-L at 336 pixels, which has the widths of ViT-L at 224.
    """
    feature = variant.encoder_feature
    if feature is None:
        return None
    fitting = encoders_for(feature, width)
    used = {preset.encoder for preset in PRESETS if preset.variant == variant.name}
    return Need(feature, width, tuple(e for e in fitting if e in used) or fitting)


def find(wanted: Need, files: Iterable[tuple[str, Path]]) -> EncoderFile | None:
    """The first encoder that meets the need: one of a published size before others, then in order of names."""
    fitting: list[EncoderFile] = []
    for name, path in files:
        try:
            outline = read(path)
        except ValueError:
            continue  # a damaged file of another purpose is not this node's business
        if outline is not None and wanted.met_by(outline):
            fitting.append(EncoderFile(name, path, outline))
    return min(fitting, key=lambda file: (not _has_published_size(file, wanted.published), file.name), default=None)


def damaged(files: Iterable[tuple[str, Path]]) -> list[str]:
    """What is wrong with each file that cannot be read, in words that begin with its name; published names first."""
    found = [
        (path.name not in _published_names(), f"'{name}' {fault}") for name, path in files if (fault := damage(path))
    ]
    return [words for _, words in sorted(found)]


def _published_names() -> set[str]:
    return {encoder.file for encoder in ENCODERS}


def _has_published_size(file: EncoderFile, encoders: Sequence[Encoder]) -> bool:
    sizes = {FILES[key].size for encoder in encoders if (key := f"clip_vision/{encoder.file}") in FILES}
    return file.path.stat().st_size in sizes


def _described(encoder: Encoder) -> str:
    file = FILES.get(f"clip_vision/{encoder.file}")
    return f"{encoder.label}: {file.described() if file else f'{encoder.file} in models/clip_vision'}"
