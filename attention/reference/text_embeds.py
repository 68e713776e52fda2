"""Pictures and a text in the space that their CLIP has in common: the text subtracted, or how near the two are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch.nn.functional as F
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


@dataclass(frozen=True)
class Asked:
    """Which input asks for a text in CLIP's space, what to do where the image encoder has none, and whether a text that is longer
    than CLIP reads at once is cut."""

    by: str
    instead: str
    cuts: bool


SUBTRACTED = Asked("'subtract_text'", "Empty it, or use an adapter for one of those.", cuts=False)
COMPARED = Asked("'prompt'", "Connect one of those to 'clip_vision', or nothing to 'clip'.", cuts=True)


def without_text(embeds: Embeds, encoder: str, clip: Any, text: str, strength: float) -> Embeds:
    """image_embeds - strength x the text's embedding in the same CLIP, neither normalised; `encoder` as `describe` names it.

    The hidden states, which have no counterpart in a text, are left out. Raises ValueError for no CLIP or another than the
    encoder's, and for more text than CLIP reads at once. What is left of a picture without the name of its content is its
    style: Wang et al., InstantStyle, arXiv 2404.02733.
    """
    pictures = embeds.feature(POOLED)
    taken = _text_embeds(encoder, clip, text, pictures, SUBTRACTED)
    return Embeds(**{POOLED: pictures - strength * taken}, encoder=embeds.encoder)


def likeness_to_text(embeds: Embeds, encoder: str, clip: Any, text: str) -> list[float]:
    """Cosine (-1..1) of each picture and a text; `encoder` as `describe` names it.

    Raises ValueError for another CLIP than the encoder's. Of a text that `is_long` the beginning counts, as is usual.
    CLIP-T of the published comparisons, some of which print it times 100; CLIPScore is 2.5 times what is above 0
    (Hessel et al., arXiv 2104.08718). Numbers of different CLIPs cannot be compared.
    """
    pictures = embeds.feature(POOLED)
    return F.cosine_similarity(pictures, _text_embeds(encoder, clip, text, pictures, COMPARED)).tolist()


def is_long(clip: Any, text: str) -> bool:
    """Whether a text has more than the 75 tokens that CLIP reads at once."""
    return any(len(chunks) > 1 for chunks in clip.tokenize(text).values())


def likeness_to_pictures(embeds: Embeds, others: Embeds) -> list[float]:
    """Cosine (-1..1) of each picture with the one at its place in `others`, which has as many."""
    return F.cosine_similarity(embeds.feature(POOLED), others.feature(POOLED)).tolist()


def _text_embeds(encoder: str, clip: Any | None, text: str, like: Tensor, asked: Asked) -> Tensor:
    """The pooled and projected embedding (1, F) of a text, where and as wide as the pictures' (n, F)."""
    half = TEXT_ENCODERS.get(encoder)
    if half is None:
        raise ValueError(
            f"the image encoder is {encoder}, and ComfyUI has no text encoder with projection of the same CLIP: "
            f"{asked.by} can act with {' and '.join(TEXT_ENCODERS)}. {asked.instead}"
        )
    wanted = f"the text encoder that was trained with {encoder}: connect {half.source}, to 'clip'"
    if clip is None:
        raise ValueError(f"{asked.by} needs {wanted}.")
    tokens = clip.tokenize(text)
    if half.name not in tokens or getattr(clip.cond_stage_model, f"clip_{half.name}", None) is None:
        raise ValueError(f"the connected CLIP reads text by {' and '.join(tokens)}, but {asked.by} needs {wanted}.")
    if len(tokens[half.name]) > 1 and not asked.cuts:
        raise ValueError(
            f"the text '{text[:40]}...' is longer than the 75 tokens that CLIP reads at once. Say it in fewer."
        )
    # Of a text in several parts the host pools the first.
    _, pooled = clip.encode_from_tokens(tokens, return_pooled=True)
    if pooled.shape[-1] != like.shape[-1]:
        raise ValueError(
            f"the connected CLIP pools a text to {pooled.shape[-1]} numbers and the pictures' embeds are "
            f"{like.shape[-1]} wide, so they are not of the same CLIP. {asked.by} needs {wanted}."
        )
    if not pooled.isfinite().all() or not pooled.any():
        raise ValueError(f"the connected CLIP's file has no text projection. {asked.by} needs {wanted}.")
    return pooled.to(like)
