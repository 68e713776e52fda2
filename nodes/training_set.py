"""Pictures with captions -> what the trainer learns from: latents, text and features, each encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..attention.embeds import Embeds
from ..attention.encode import encode, encode_zero_pixels
from ..attention.training.buckets import to_bucket
from ..attention.training.examples import Example, Examples
from ..attention.training.fresh_adapter import variant_named

Tick = Callable[[int, int], None]


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


def pictures_of(images: Sequence[Tensor]) -> list[Tensor]:
    """Every picture (1, H, W, 3) of a list of batches."""
    return [picture[None, ..., :3] for batch in images for picture in batch]


def training_set(
    images: Sequence[Tensor],
    texts: Sequence[str],
    models: tuple[Any, Any, Any],
    variant: str,
    bucket_side: int,
    tick: Tick,
) -> Examples:
    """Everything encoded; `models` are the autoencoder, the text encoder and the image encoder."""
    vae, clip, clip_vision = models
    pictures = pictures_of(images)
    captions = captions_for(texts, len(pictures))
    told = {text: _encoded(clip, text) for text in ("", *dict.fromkeys(captions))}
    listed: list[Example] = []
    for picture, caption in zip(pictures, captions, strict=True):
        latent: Tensor = vae.encode(to_bucket(picture, bucket_side))
        listed.append(Example(latent[0].cpu(), told[caption], _features(variant, encode(clip_vision, picture))))
        tick(len(listed), len(pictures))
    return Examples(tuple(listed), told[""], _no_picture(variant, clip_vision, listed[0].embeds))


def _encoded(clip: Any, text: str) -> Any:
    entries: Any = clip.encode_from_tokens_scheduled(clip.tokenize(text))
    return entries[0]


def _features(variant: str, embeds: Embeds) -> Embeds:
    """Only what the variant reads: the other features would fill the memory for nothing."""
    kept = {name: embeds.feature(name) for name in variant_named(variant).features}
    return Embeds(**kept, encoder=embeds.encoder)


def _no_picture(variant: str, clip_vision: Any, like: Embeds) -> Embeds:
    """What stands for no picture, as in the authors' code: zeros, or the encoder's view of zero pixels."""
    if variant_named(variant).encodes_zero_pixels:
        return _features(variant, encode_zero_pixels(clip_vision))
    return Embeds(**{name: torch.zeros_like(like.feature(name)) for name in like.names}, encoder=like.encoder)
