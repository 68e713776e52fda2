"""Turns image or face embeddings into image tokens with one or two linear layers.

Every class here and in `perceiver` keeps the names of the authors' weights, reads its sizes from the shapes of a
checkpoint, and takes its layers from `operations` (`torch.nn`, or the host's casting ones).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

Shapes = Mapping[str, tuple[int, ...]]


_LAST = (
    ("norm.weight", 0),
    ("norm_out.weight", 0),
    ("proj.3.weight", 0),
    ("proj_out", 1),
    ("mapping_patch_0.6.weight", 0),
)
"""Name of a weight -> the dimension that is as wide as the tokens."""


def token_width(shapes: Shapes) -> int | None:
    """The width of the image tokens that a projection of these shapes makes, by the weight that it ends in."""
    return next((shapes[key][side] for key, side in _LAST if len(shapes.get(key, ())) > side), None)


class ImageProjection(nn.Module):
    """Pooled image embeds (n, F) -> image tokens (n, T, C). IP-Adapter (2308.06721), `ImageProjModel`."""

    def __init__(self, shapes: Shapes, operations: Any = nn) -> None:
        super().__init__()
        rows, features = shapes["proj.weight"]
        self.context_dim = shapes["norm.weight"][0]
        self.proj = operations.Linear(features, rows)
        self.norm = operations.LayerNorm(self.context_dim)

    def forward(self, image_embeds: Tensor) -> Tensor:
        return self.norm(rearrange(self.proj(image_embeds), "n (t c) -> n t c", c=self.context_dim))


class HiddenStatesProjection(nn.Module):
    """Hidden states (n, T, F) -> image tokens (n, T, C), one for each. `MLPProjModel` of full-face."""

    def __init__(self, shapes: Shapes, operations: Any = nn) -> None:
        super().__init__()
        hidden, features = shapes["proj.0.weight"]
        context_dim = shapes["proj.2.weight"][0]
        self.proj = nn.Sequential(
            operations.Linear(features, hidden),
            nn.GELU(),
            operations.Linear(hidden, context_dim),
            operations.LayerNorm(context_dim),
        )

    def forward(self, penultimate: Tensor) -> Tensor:
        return self.proj(penultimate)


class FaceProjection(nn.Module):
    """Face embeddings (n, 512) -> image tokens (n, T, C). FaceID's `MLPProjModel`, portrait too.

    InstantX's for FLUX.1 is the same of pooled image embeds (n, F).
    """

    def __init__(self, shapes: Shapes, operations: Any = nn) -> None:
        super().__init__()
        hidden, features = shapes["proj.0.weight"]
        self.context_dim = shapes["norm.weight"][0]
        self.proj = nn.Sequential(
            operations.Linear(features, hidden),
            nn.GELU(),
            operations.Linear(hidden, shapes["proj.2.weight"][0]),
        )
        self.norm = operations.LayerNorm(self.context_dim)

    def forward(self, face: Tensor) -> Tensor:
        return self.norm(rearrange(self.proj(face), "n (t c) -> n t c", c=self.context_dim))


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Plain softmax attention of a projection, (n, tokens, heads * width) each, exact in every dtype."""
    q, k, v = (rearrange(x, "n t (h d) -> n h t d", h=heads) for x in (q, k, v))
    return rearrange(torch.nn.functional.scaled_dot_product_attention(q, k, v), "n h t d -> n t (h d)")
