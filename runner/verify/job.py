"""What is to be compared: an adapter, the encoder and the faces that it reads; and the picture that it is shown."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pack.attention.adapter.adapter import Adapter
from pack.attention.adapter.checkpoint import read
from pack.attention.adapter.variants import AUTO
from pack.attention.catalogue.find_encoder import need
from pack.attention.catalogue.installed import AdapterFile
from pack.attention.reference.encoder_header import EncoderOutline
from pack.face.packs import Pack
from PIL import Image

from .found import Found

Photo = npt.NDArray[np.uint8]

WEIGHT = 0.8
SIDE, LARGE = 224, 336  # pixels that encoders see
MANY = 577  # tokens of those that see the larger one
WITHOUT_REFERENCE = ("pulid_v1", "pulid_v1_1", "infinite_you")
"""Variants whose step neither diffusers nor the authors' package takes."""
SIZE = (32, 48)  # of the latent: not square, and small enough for a processor


@dataclass(frozen=True)
class Job:
    """One adapter; `encoder` and `pack` are None where it reads no picture or no face."""

    file: AdapterFile
    adapter: Adapter
    encoder: tuple[Path, EncoderOutline] | None
    pack: Pack | None

    @property
    def name(self) -> str:
        """The file, and of one whose keys fit several kinds which of them it is taken for."""
        told = f" as {self.adapter.identity.variant.label}" if len(self.file.variants) > 1 else ""
        return self.file.name + told

    @property
    def variant(self) -> str:
        return self.adapter.identity.variant.name

    def shown(self, photo: Photo) -> Photo:
        """A photograph as large as the encoder sees it: how pictures are made smaller is compared elsewhere."""
        return photo if self.encoder is None else square(photo, LARGE if self.encoder[1].tokens == MANY else SIDE)


def jobs_for(found: Found, file: AdapterFile) -> list[Job]:
    """The adapter with what it needs from the same folder; a copy that fits several kinds is compared as each of them.

    Raises ValueError that says what is missing.
    """
    content = read(file.path)
    try:
        return [_job(found, file, Adapter(content, AUTO))]
    except ValueError:
        if len(file.variants) == 1:
            raise
    return [_job(found, file, Adapter(content, variant.name)) for variant in file.variants]


def _job(found: Found, file: AdapterFile, adapter: Adapter) -> Job:
    variant = adapter.identity.variant
    if variant.name in WITHOUT_REFERENCE:
        raise ValueError(
            f"it is {adapter.label}, which diffusers does not have; its parts are compared by tests/parity."
        )
    feature = variant.encoder_feature
    wanted = need(variant, adapter.feature_width(feature)) if feature else None
    encoder = next((one for one in found.encoders if wanted and wanted.met_by(one[1])), None)
    if wanted and encoder is None:
        there = ", ".join(f"{found.name(path)} ({outline.label})" for path, outline in found.encoders) or "none"
        raise ValueError(
            f"{adapter.label} needs an image encoder that is not there: {wanted.described()}. Found: {there}."
        )
    packs = [pack for pack in found.faces if pack.detector and pack.recogniser]
    if variant.recogniser and not packs:
        raise ValueError(f"{adapter.label} reads faces: put the face models ({variant.recogniser}) into insightface/.")
    fitting = [pack for pack in packs if pack.recogniser_id == variant.recogniser]
    pack = next(iter([*fitting, *packs]), None) if variant.recogniser else None
    return Job(file, adapter, encoder, pack)


def photograph(path: Path) -> Photo:
    """(H, W, 3) RGB."""
    with Image.open(path) as photo:
        return np.array(photo.convert("RGB"))


def square(photo: Photo, side: int) -> Photo:
    """The upper square of a photograph, made smaller."""
    width = min(photo.shape[:2])
    return np.array(Image.fromarray(photo[:width, :width]).resize((side, side), Image.Resampling.BICUBIC))
