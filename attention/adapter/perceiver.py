"""Turns hidden states, or one face embedding, into a few image tokens with a perceiver."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from .projection import FaceProjection, Shapes, attend

HEAD_WIDTH = 64


class PerceiverAttention(nn.Module):
    """Latents (n, T, d) attend to inputs (n, L, d) and to themselves; each norm has its own name."""

    def __init__(self, width: int, heads: int, operations: Any) -> None:
        super().__init__()
        inner = heads * HEAD_WIDTH
        self.heads = heads
        self.norm1 = operations.LayerNorm(width)  # of the inputs
        self.norm2 = operations.LayerNorm(width)  # of the latents
        self.to_q = operations.Linear(width, inner, bias=False)
        self.to_kv = operations.Linear(width, 2 * inner, bias=False)
        self.to_out = operations.Linear(inner, width, bias=False)

    def forward(self, inputs: Tensor, latents: Tensor) -> Tensor:
        latents = self.norm2(latents)
        k, v = self.to_kv(torch.cat((self.norm1(inputs), latents), dim=1)).chunk(2, dim=-1)
        return self.to_out(attend(self.to_q(latents), k, v, self.heads))


def feed_forward(width: int, hidden: int, operations: Any) -> nn.Sequential:
    return nn.Sequential(
        operations.LayerNorm(width),
        operations.Linear(width, hidden, bias=False),
        nn.GELU(),
        operations.Linear(hidden, width, bias=False),
    )


class Perceiver(nn.Module):
    """Inputs (n, L, F) and latents (n, T, d) -> tokens (n, T, C): the part all perceiver adapters share."""

    def __init__(self, shapes: Shapes, operations: Any) -> None:
        super().__init__()
        width, features = shapes["proj_in.weight"]
        context_dim = shapes["proj_out.weight"][0]
        heads = shapes["layers.0.0.to_q.weight"][0] // HEAD_WIDTH
        depth = len({key.split(".")[1] for key in shapes if key.startswith("layers.")})
        hidden = shapes["layers.0.1.1.weight"][0]
        self.proj_in = operations.Linear(features, width)
        self.proj_out = operations.Linear(width, context_dim)
        self.norm_out = operations.LayerNorm(context_dim)
        self.layers = nn.ModuleList(
            nn.ModuleList((PerceiverAttention(width, heads, operations), feed_forward(width, hidden, operations)))
            for _ in range(depth)
        )

    def forward(self, latents: Tensor, inputs: Tensor) -> Tensor:
        inputs = self.proj_in(inputs)
        for layer in self.layers:
            attention, feed_forward = cast(nn.ModuleList, layer)
            latents = latents + attention(inputs, latents)
            latents = latents + feed_forward(latents)
        return self.norm_out(self.proj_out(latents))


class Resampler(Perceiver):
    """Hidden states (n, L, F) or face embeddings (n, F) -> image tokens (n, T, C), T learned latents.

    IP-Adapter plus (`Resampler` of the authors' `resampler.py`), Kolors plus, portrait-unnorm and InstantID.
    """

    def __init__(self, shapes: Shapes, operations: Any = nn) -> None:
        super().__init__(shapes, operations)
        self.latents = nn.Parameter(torch.empty(shapes["latents"]))

    def forward(self, features: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        inputs = features.unsqueeze(1) if features.ndim == 2 else features
        # A bare parameter is not moved by the host in low-memory mode: cast it where it is used.
        latents = self.latents.to(inputs.device, inputs.dtype).expand(len(inputs), -1, -1)
        return super().forward(latents, inputs)


class FacePerceiverProjection(FaceProjection):
    """Face embeddings (n, 512) and penultimate (n, L, F) of its crop -> image tokens (n, T, C).

    FaceID plus (`ProjPlusModel`): the tokens of the face are the latents of a perceiver over the hidden states.
    With `shortcut` (v2, Kolors) they are added to its output, that scaled by `shortcut_scale`.
    """

    def __init__(self, shapes: Shapes, operations: Any = nn, *, shortcut: bool) -> None:
        super().__init__(shapes, operations)
        prefix = "perceiver_resampler."
        inner = {key.removeprefix(prefix): shape for key, shape in shapes.items() if key.startswith(prefix)}
        self.perceiver_resampler = Perceiver(inner, operations)
        self.shortcut = shortcut

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, face: Tensor, penultimate: Tensor, shortcut_scale: float = 1.0
    ) -> Tensor:
        tokens = super().forward(face)
        seen = self.perceiver_resampler(tokens, penultimate)
        return tokens + shortcut_scale * seen if self.shortcut else seen
