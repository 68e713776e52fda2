"""Makes the attachment of an adapter from embeds: the whole way from features to keys and values."""

from __future__ import annotations

from typing import Any

import torch
from comfy.model_patcher import ModelPatcher
from einops import rearrange
from torch import Tensor

from ..adapter.adapter import Adapter
from ..adapter.key_values import Source
from ..adapter.pulid import DEPTHS
from ..adapter.timed import KeyValuesByTime
from ..catalogue.find_encoder import need
from ..models.kinds import FLUX, SD3, kind_of
from ..models.text_projection import projected, text_projection_of
from ..models.unet import network_of
from ..reference.embeds import NO_PICTURE, Embeds
from ..reference.encode import encode, encode_zero_pixels
from ..reference.features import FEATURES

_HALF = (torch.bfloat16, torch.float16)
PICTURE = 224
"""Pixels along one side of the black picture, which looks alike to encoders of any size."""


def unconditional(adapter: Adapter, clip_vision: Any | None, reference: Embeds | None = None) -> Embeds:
    """The embeds (n = 1) of the unconditional half, as the authors' code makes them.

    Zeros go into the projection, so the tokens are those of zeros, not zeros themselves; for plus, full-face and
    FaceID plus the hidden states of an all-zero tensor of normalised pixels, for XLabs the pooled embeds of a black
    picture, both of which need the encoder. Zeros stand for nothing at all where the variant leaves the negative alone.
    They have the shape of the `reference`'s features, where it is given; PuLID v1 has as many of them as there are photos.
    """
    variant = adapter.identity.variant
    if variant.none_needs_encoder and clip_vision is None:
        raise ValueError(
            f"'{adapter.name}' ({adapter.label}) needs its image encoder for the unconditional half. Connect "
            "'clip_vision', or 'negative_embeds' from Encode Reference."
        )
    if variant.encodes_black:
        black = torch.zeros(1, PICTURE, PICTURE, 3)
        return encode(clip_vision, black, size=adapter.picture_size)
    made: dict[str, Tensor] = {}
    for feature in variant.features:
        if feature == "penultimate" and variant.encodes_zero_pixels:
            made[feature] = encode_zero_pixels(clip_vision, adapter.picture_size).feature(feature)
        else:
            made[feature] = _zeros(adapter, feature, reference)
    return Embeds(**made, encoder=NO_PICTURE)


def _zeros(adapter: Adapter, feature: str, reference: Embeds | None) -> Tensor:
    """Zeros of a feature, in the shape that the reference has or, without one, that its published encoder gives."""
    variant, width = adapter.identity.variant, adapter.feature_width(feature)
    if reference is not None:
        zeros = torch.zeros_like(reference.feature(feature), device="cpu", dtype=torch.float32)
        return zeros if variant.none_of_each_photo else zeros[:1]
    if FEATURES[feature].dimensions == 2:
        return torch.zeros(1, width)
    wanted = need(variant, adapter.feature_width(variant.encoder_feature or feature))
    tokens = {encoder.tokens for encoder in wanted.published} if wanted else set[int]()
    if len(tokens) != 1:
        raise ValueError(
            f"how many hidden states '{adapter.name}' ({adapter.label}) reads follows from the reference; none is given."
        )
    return torch.zeros(1, *(DEPTHS,) * (FEATURES[feature].dimensions - 3), *tokens, width)


def key_values(
    adapter: Adapter,
    embeds: Embeds,
    per_frame: bool = False,
    shortcut_scale: float = 1.0,
    model: ModelPatcher | None = None,
) -> Source | KeyValuesByTime:
    """Keys and values of n pictures: of all as one reference, or of each for its own frame.

    As one reference their n * T tokens share one softmax (the authors' rule for several pictures), or the adapter's
    projection joins them, as PuLID's do. `model` is asked by adapters whose tokens go through the model's own text
    projection, as Kolors' FaceID.
    """
    if adapter.identity.variant.leaves_negative and embeds.encoder == NO_PICTURE:
        return adapter.nothing
    if adapter.identity.variant.way.by_time:
        return adapter.key_values_by_time(embeds, per_frame, _kept(model))
    tokens = adapter.tokens(embeds, shortcut_scale, together=not per_frame)
    if model is not None and tokens.shape[-1] != adapter.context_dim:
        tokens = _beside_the_text(model, tokens, adapter.patcher.load_device)
    entries = tokens if per_frame else rearrange(tokens, "n t c -> 1 (n t) c")
    return adapter.key_values(entries, tokens.shape[1], _kept(model))


def _kept(model: ModelPatcher | None) -> torch.dtype:
    """What keys and values are kept as: where FLUX or SD3.5 computes in half precision its blocks would round them to it anyway."""
    kind = kind_of(model) if model is not None else None
    if model is None or kind not in (FLUX, SD3):
        return torch.float32
    dtype: torch.dtype = model.model.manual_cast_dtype or model.model.get_dtype()
    return dtype if dtype in _HALF else torch.float32


def _beside_the_text(model: ModelPatcher, tokens: Tensor, device: torch.device) -> Tensor:
    """Image tokens as the layers read them, where they stand beside a text that the model projects first."""
    projection = text_projection_of(network_of(model))
    if projection is None or projection.in_features != tokens.shape[-1]:
        return tokens  # the adapter says what it needs
    return projected(model, projection, tokens, device).to(tokens.device)
