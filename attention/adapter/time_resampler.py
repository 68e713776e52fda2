"""Turns hidden states and a timestep into image tokens: a perceiver that is told how noisy the picture is by now."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from comfy.ldm.modules.diffusionmodules.util import timestep_embedding
from torch import Tensor, nn

from .perceiver import HEAD_WIDTH, PerceiverAttention, feed_forward
from .projection import Shapes, attend

_PARTS = 4
"""What a block's modulation is split into: shift and scale of the latents before attention, and before the feed-forward."""


class TimeEmbedding(nn.Module):
    """A timestep (1), 0..1000, -> its embedding (1, E)."""

    def __init__(self, waves: int, width: int, operations: Any) -> None:
        super().__init__()
        self.waves = waves
        self.linear_1 = operations.Linear(waves, width)
        self.linear_2 = operations.Linear(width, width)

    def forward(self, time: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(timestep_embedding(time, self.waves))))


class TimedAttention(PerceiverAttention):
    """As `PerceiverAttention`, the latents scaled and shifted after their norm."""

    def forward(self, inputs: Tensor, latents: Tensor, shift: Tensor, scale: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        latents = self.norm2(latents) * (1 + scale) + shift
        k, v = self.to_kv(torch.cat((self.norm1(inputs), latents), dim=1)).chunk(2, dim=-1)
        return self.to_out(attend(self.to_q(latents), k, v, self.heads))


class TimeResampler(nn.Module):
    """Hidden states (n, L, F) and a timestep -> image tokens (n, T, C) and the timestep's embedding (1, E).

    InstantX's for SD3.5 Large, diffusers' `IPAdapterTimeImageProjection`.
    """

    def __init__(self, shapes: Shapes, operations: Any = nn) -> None:
        super().__init__()
        width, features = shapes["proj_in.weight"]
        context_dim = shapes["proj_out.weight"][0]
        heads = shapes["layers.0.0.to_q.weight"][0] // HEAD_WIDTH
        hidden = shapes["layers.0.1.1.weight"][0]
        depth = len({key.split(".")[1] for key in shapes if key.startswith("layers.")})
        self.latents = nn.Parameter(torch.empty(shapes["latents"]))
        self.proj_in = operations.Linear(features, width)
        self.proj_out = operations.Linear(width, context_dim)
        self.norm_out = operations.LayerNorm(context_dim)
        self.time_embedding = TimeEmbedding(shapes["time_embedding.linear_1.weight"][1], width, operations)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                (
                    TimedAttention(width, heads, operations),
                    feed_forward(width, hidden, operations),
                    nn.Sequential(nn.SiLU(), operations.Linear(width, _PARTS * width)),
                )
            )
            for _ in range(depth)
        )

    def forward(self, penultimate: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.time_embedding(time)
        inputs = self.proj_in(penultimate) + embedding[:, None]
        # A bare parameter is not moved by the host in low-memory mode: cast it where it is used.
        latents = self.latents.to(inputs.device, inputs.dtype).expand(len(inputs), -1, -1)
        for layer in self.layers:
            attention, feed_forward_, modulation = cast(nn.ModuleList, layer)
            shift, scale, shift_after, scale_after = modulation(embedding)[:, None].chunk(_PARTS, dim=-1)
            latents = latents + attention(inputs, latents, shift, scale)
            norm, *rest = cast(nn.Sequential, feed_forward_)
            changed = norm(latents) * (1 + scale_after) + shift_after
            for part in rest:
                changed = part(changed)
            latents = latents + changed
        return self.norm_out(self.proj_out(latents)), embedding
