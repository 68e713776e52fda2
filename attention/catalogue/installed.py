"""Turns a file on disk into what is known about it from its header, size and, where that decides, its hash."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..adapter import checkpoint
from ..adapter.checkpoint import Checkpoint
from ..adapter.identify import candidates_of
from ..adapter.variant import Variant
from ..files.header import state
from ..files.published import FILES, KNOWN, File
from ..files.sha256 import sha256_of
from ..models.families import Family
from ..models.fits import AdapterLayers
from ..reference.encoders import Encoder, encoders_for
from ..reference.features import FEATURES


@dataclass(frozen=True)
class AdapterFile:
    """An adapter as its header shows it: look-alikes leave several `variants`."""

    name: str  # as the host lists it
    outline: Checkpoint
    family: Family
    variants: tuple[Variant, ...]

    @property
    def path(self) -> Path:
        return self.outline.path

    @property
    def layers(self) -> AdapterLayers:
        return AdapterLayers(
            self.name, self.variants[0].label, self.family, self.outline.layer_shapes, self.outline.token_width
        )

    def is_a(self, variant: str) -> bool:
        return any(found.name == variant for found in self.variants)

    def reads(self, encoder: Encoder | None) -> bool:
        """Whether it can read this encoder: the widths agree, or no published encoder has them."""
        feature = self.variants[0].encoder_feature
        width = FEATURES[feature].width(self.outline.projection_shapes) if feature else None
        if feature is None or width is None:
            return encoder is None
        fitting = encoders_for(feature, width)
        return not fitting or encoder in fitting

    def published(self, *also: File) -> File | None:
        """The published file that this is, byte for byte; None when it is none of them.

        A size that only one published file has decides alone. Else, and for those of the `also` whose size was
        never recorded, the file is hashed, once for each (path, size, time of change).
        """
        same = [file for file in FILES.values() if file.size == self.outline.size]
        unsized = [file for file in also if file.size is None]
        if len(same) == 1 and not any(row.size == self.outline.size for row in KNOWN):
            return same[0]
        if not same and not unsized:
            return None
        digest = sha256_of(self.path)
        return next((file for file in (*same, *unsized) if digest.startswith(file.sha256)), None)


def adapter_file(name: str, path: Path) -> AdapterFile:
    """What is known about an adapter from its header. Raises ValueError when it is not an adapter."""
    with checkpoint.naming(path):
        stat = state(path)
    return _adapter_file(name, path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=512)
def _adapter_file(name: str, path: Path, _size: int, _mtime_ns: int) -> AdapterFile:
    outline = checkpoint.read_outline(path)
    with checkpoint.naming(path):
        candidates = candidates_of(outline)
        return AdapterFile(name, outline, candidates[0].family_with(outline.num_layers), candidates)
