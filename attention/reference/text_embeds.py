"""Takes a text out of reference pictures: what the text encoder of the same CLIP makes of it, subtracted.

After Wang et al., InstantStyle, arXiv 2404.02733: what is left of a picture without the name of its content is its style.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor

from .embeds import Embeds

POOLED = "image_embeds"


@dataclass(frozen=True)
class TextEncoder:
    """The text half of a CLIP: the host's name for it within a CLIP object, and where people have it from."""

    name: str
    source: str


TEXT_ENCODERS: Mapping[str, TextEncoder] = MappingProxyType(
    {
        "CLIP ViT-bigG/14": TextEncoder("g", "SDXL's CLIP, of an SDXL checkpoint"),
        "CLIP ViT-H/14": TextEncoder("h", "SD2's CLIP, of an SD2 checkpoint"),
    }
)
"""Image encoder -> the text encoder it was trained with. The files of CLIP ViT-L's for ComfyUI have no text projection."""


def without_text(embeds: Embeds, encoder: str, clip: Any, text: str, strength: float) -> Embeds:
    """image_embeds - strength x the text's embedding in the same CLIP, neither normalised; `encoder` as `describe` names it.

    The hidden states, which have no counterpart in a text, are left out. Raises ValueError for no CLIP or another than the
    encoder's, and for more text than CLIP reads at once.
    """
    pictures = embeds.feature(POOLED)
    taken = _text_embeds(encoder, clip, text, pictures)
    return Embeds(**{POOLED: pictures - strength * taken}, encoder=embeds.encoder)


def _text_embeds(encoder: str, clip: Any | None, text: str, like: Tensor) -> Tensor:
    """The pooled and projected embedding (1, F) of a text, where and as wide as the pictures' (n, F)."""
    half = TEXT_ENCODERS.get(encoder)
    if half is None:
        raise ValueError(
            f"the image encoder is {encoder}, and ComfyUI has no text encoder with projection of the same CLIP: "
            f"'subtract_text' can act with {' and '.join(TEXT_ENCODERS)}. Empty it, or use an adapter for one of those."
        )
    wanted = f"the text encoder that was trained with {encoder}: connect {half.source}, to 'clip'"
    if clip is None:
        raise ValueError(f"'subtract_text' needs {wanted}.")
    tokens = clip.tokenize(text)
    if half.name not in tokens or getattr(clip.cond_stage_model, f"clip_{half.name}", None) is None:
        raise ValueError(
            f"the connected CLIP reads text by {' and '.join(tokens)}, but 'subtract_text' needs {wanted}."
        )
    if len(tokens[half.name]) > 1:
        raise ValueError(
            "'subtract_text' is longer than the 75 tokens that CLIP reads at once. Name the content in fewer."
        )
    _, pooled = clip.encode_from_tokens(tokens, return_pooled=True)
    if pooled.shape[-1] != like.shape[-1]:
        raise ValueError(
            f"the connected CLIP pools a text to {pooled.shape[-1]} numbers and the pictures' embeds are "
            f"{like.shape[-1]} wide, so they are not of the same CLIP. 'subtract_text' needs {wanted}."
        )
    if not pooled.isfinite().all() or not pooled.any():
        raise ValueError(f"the connected CLIP's file has no text projection. 'subtract_text' needs {wanted}.")
    return pooled.to(like)
