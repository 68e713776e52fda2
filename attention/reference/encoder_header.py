"""Turns an image encoder's file into the widths of what it delivers, without reading its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from ..files import header
from . import eva
from .encoders import OF_FACES, OF_PICTURES, Outputs, encoder_of


@dataclass(frozen=True)
class EncoderOutline(Outputs):
    """The widths of an encoder's pooled output and of its hidden states, its tokens with the class token where it has one, and which
    features these are."""

    image_embeds: int
    penultimate: int
    tokens: int
    gives: tuple[str, str] = OF_PICTURES

    @property
    def label(self) -> str:
        return encoder_of(self.image_embeds, self.penultimate, self.tokens, self.gives)


@dataclass(frozen=True)
class _Layout:
    """Where a layout of keys keeps the three sizes: key and dimension."""

    first: str  # a key of the tower's first layer, which the host's loader looks for
    tokens: str
    projection: str
    projected: int  # the dimension of `projection` that is the pooled width


_LAYOUTS = (
    _Layout(
        "vision_model.encoder.layers.0.layer_norm1.weight",
        "vision_model.embeddings.position_embedding.weight",
        "visual_projection.weight",
        0,
    ),
    # SigLIP's head: without it there is no pooled output.
    _Layout(
        "vision_model.encoder.layers.0.layer_norm1.weight",
        "vision_model.embeddings.position_embedding.weight",
        "vision_model.head.attention.out_proj.weight",
        0,
    ),
    _Layout("visual.transformer.resblocks.0.attn.in_proj_weight", "visual.positional_embedding", "visual.proj", 1),
)


def read(path: Path) -> EncoderOutline | None:
    """The sizes of a CLIP image encoder in a file, None when the file contains none that the host loads.

    Both layouts of keys, Hugging Face's and OpenCLIP's, alone or beside a text encoder; and EVA02-CLIP's, which this pack
    loads. Raises ValueError with the reason when the file is damaged or would have to run code.
    """
    content = header.tensors(path)
    found = (_sizes(content, layout) for layout in _LAYOUTS if layout.first in content)
    return next(filter(None, found), None) or _face_tower(content)


def _face_tower(content: Mapping[str, Any]) -> EncoderOutline | None:
    shapes = {
        key.removeprefix(eva.PREFIX): tuple(value.shape)
        for key, value in content.items()
        if key.startswith(eva.PREFIX) and isinstance(value, Tensor)
    }
    sizes = eva.sizes_of(shapes)
    return EncoderOutline(sizes.pooled, sizes.width, sizes.tokens, OF_FACES) if sizes else None


def _sizes(content: Mapping[str, Any], layout: _Layout) -> EncoderOutline | None:
    tokens, projection = content.get(layout.tokens), content.get(layout.projection)
    if not (_is_matrix(tokens) and _is_matrix(projection)):
        return None  # others pool in another way, or have lost what pools
    positions, projected = cast(Tensor, tokens), cast(Tensor, projection)
    return EncoderOutline(projected.shape[layout.projected], positions.shape[1], positions.shape[0])


def _is_matrix(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 2
