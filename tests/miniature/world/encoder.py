"""The world's image encoder: a random, frozen vision transformer whose last projection is whitened.

What a random network sees differs a lot in a few directions and hardly in all others. Whitening gives each number of its
pooled embeds the mean 0 and the deviation 1 over drawn pictures, and makes them independent; it has learned nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pack.attention.reference.encode import encode
from torch import Tensor

from .layout import VISION_SEED

FLOOR = 0.05  # deviations below it stay small: there is only noise
BIAS, WEIGHT = "vision_model.post_layernorm.bias", "visual_projection.weight"


def pooled(encoder: Any, pixels: Tensor) -> Tensor:
    """The pooled image embeds (n, F) of pictures (n, 64, 64, 3), 8 bit."""
    with torch.inference_mode():
        rows = [encode(encoder, part.float() / 255).feature("image_embeds") for part in pixels.split(8)]
    return torch.cat(rows).contiguous()


def whitening(seen: Tensor, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The two weights of the raw encoder, changed so that `seen` (n, F), its pooled embeds, would have been white."""
    mean = seen.mean(0)
    values, directions = torch.linalg.eigh(torch.cov(seen.T))
    whiten = (values + FLOOR**2).rsqrt()[:, None] * directions.T
    shift = torch.linalg.pinv(weights[WEIGHT]) @ mean
    return {BIAS: weights[BIAS] - shift, WEIGHT: whiten @ weights[WEIGHT]}


def make(folder: Path) -> dict[str, Tensor]:
    """Whiten on the pictures of shapes that the adapter will be trained on."""
    from .. import models
    from . import adapters

    encoder = models.clip_vision("vit_h", VISION_SEED)
    weights = {name: tensor.float() for name, tensor in encoder.model.state_dict().items()}
    return whitening(adapters.seen_raw(folder, encoder), weights)
