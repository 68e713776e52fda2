"""The image tower of EVA02-CLIP: pixels -> the pooled embedding, and hidden states of several depths.

The weights keep the names of the published file below `visual.` (QuanSun/EVA-CLIP; arXiv 2303.15389).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

PREFIX = "visual."
HEAD_WIDTH = 64
EPSILON = 1e-6
TRAINED_GRID = 16
"""Patches along a side of the pictures whose rotary positions those of a larger picture are scaled to."""
FREQUENCY_BASE = 10000.0
TAPS = 5
"""Hidden states that are read: those that enter every fourth of 24 blocks but the first."""


@dataclass(frozen=True)
class TowerSizes:
    """What the shapes of a tower's weights say: widths, blocks and the picture it takes, in pixels."""

    width: int
    pooled: int
    blocks: int
    heads: int
    hidden: int
    patch: int
    grid: int

    @property
    def picture(self) -> int:
        return self.patch * self.grid

    @property
    def tokens(self) -> int:
        """With the class token."""
        return self.grid**2 + 1


def sizes_of(shapes: Mapping[str, tuple[int, ...]]) -> TowerSizes | None:
    """The sizes of the tower whose weights have these shapes, None where they are no EVA02 tower's."""
    try:
        width, _, patch, _ = shapes["patch_embed.proj.weight"]
        _, tokens, _ = shapes["pos_embed"]
        pooled, _ = shapes["head.weight"]
        hidden, _ = shapes["blocks.0.mlp.w1.weight"]
        heads = shapes["blocks.0.attn.q_proj.weight"][0] // HEAD_WIDTH
    except (KeyError, ValueError):
        return None
    blocks = len({key.split(".")[1] for key in shapes if key.startswith("blocks.")})
    return TowerSizes(width, pooled, blocks, heads, hidden, patch, round((tokens - 1) ** 0.5))


class _Attention(nn.Module):
    """Self-attention with rotary positions on the patches, and a norm before its output."""

    def __init__(self, sizes: TowerSizes, operations: Any) -> None:
        super().__init__()
        self.heads = sizes.heads
        inner = sizes.heads * HEAD_WIDTH
        # The queries' and values' biases are parameters of their own in the file; keys have none.
        self.q_proj, self.k_proj, self.v_proj = (operations.Linear(sizes.width, inner, bias=False) for _ in range(3))
        self.q_bias, self.v_bias = (nn.Parameter(torch.empty(inner)) for _ in range(2))
        self.inner_attn_ln = operations.LayerNorm(inner, eps=EPSILON)
        self.proj = operations.Linear(inner, sizes.width)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        q = self.q_proj(x) + self.q_bias.to(x)
        v = self.v_proj(x) + self.v_bias.to(x)
        q, k, v = (rearrange(y, "n t (h d) -> n h t d", h=self.heads) for y in (q, self.k_proj(x), v))
        y = F.scaled_dot_product_attention(_turned(q, cos, sin), _turned(k, cos, sin), v)
        return self.proj(self.inner_attn_ln(rearrange(y, "n h t d -> n t (h d)")))


class _GatedMLP(nn.Module):
    """SwiGLU with a norm inside."""

    def __init__(self, sizes: TowerSizes, operations: Any) -> None:
        super().__init__()
        self.w1, self.w2 = (operations.Linear(sizes.width, sizes.hidden) for _ in range(2))
        self.ffn_ln = operations.LayerNorm(sizes.hidden, eps=EPSILON)
        self.w3 = operations.Linear(sizes.hidden, sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.w3(self.ffn_ln(F.silu(self.w1(x)) * self.w2(x)))


class _Block(nn.Module):
    def __init__(self, sizes: TowerSizes, operations: Any) -> None:
        super().__init__()
        self.norm1, self.norm2 = (operations.LayerNorm(sizes.width, eps=EPSILON) for _ in range(2))
        self.attn = _Attention(sizes, operations)
        self.mlp = _GatedMLP(sizes, operations)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x), cos, sin)
        return x + self.mlp(self.norm2(x))


class _PatchEmbed(nn.Module):
    def __init__(self, sizes: TowerSizes, operations: Any) -> None:
        super().__init__()
        self.proj = operations.Conv2d(3, sizes.width, kernel_size=sizes.patch, stride=sizes.patch)

    def forward(self, pixels: Tensor) -> Tensor:
        return rearrange(self.proj(pixels), "n d h w -> n (h w) d")


class EvaTower(nn.Module):
    """Normalised pixels (n, 3, S, S) -> pooled (n, P) and hidden states (n, TAPS, 1 + grid^2, width).

    The hidden states are those that enter the blocks at one to five sixths of the depth, without a norm, as PuLID
    reads them; the pooled embedding is the head's output, not of length 1.
    """

    def __init__(self, sizes: TowerSizes, operations: Any = nn) -> None:
        super().__init__()
        self.sizes = sizes
        self.patch_embed = _PatchEmbed(sizes, operations)
        self.cls_token = nn.Parameter(torch.empty(1, 1, sizes.width))
        self.pos_embed = nn.Parameter(torch.empty(1, sizes.tokens, sizes.width))
        self.blocks = nn.ModuleList(_Block(sizes, operations) for _ in range(sizes.blocks))
        self.norm = operations.LayerNorm(sizes.width, eps=EPSILON)
        self.head = operations.Linear(sizes.width, sizes.pooled)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x = self.patch_embed(pixels)
        # Bare parameters are not moved by the host in low-memory mode: cast them where they are used.
        x = torch.cat([self.cls_token.to(x).expand(len(x), -1, -1), x], dim=1) + self.pos_embed.to(x)
        cos, sin = (part.to(x) for part in rotary(self.sizes.grid))
        every = self.sizes.blocks // (TAPS + 1)
        taps: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            if i and i % every == 0 and len(taps) < TAPS:
                taps.append(x)
            x = block(x, cos, sin)
        return self.head(self.norm(x)[:, 0]), torch.stack(taps, dim=1)


def rotary(grid: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (grid^2, HEAD_WIDTH) of each patch: half of a head's channels by row, half by column, in adjacent pairs."""
    quarter = HEAD_WIDTH // 4
    frequencies = FREQUENCY_BASE ** (-torch.arange(quarter) / quarter)
    angles = torch.arange(grid)[:, None] / grid * TRAINED_GRID * frequencies
    angles = repeat(angles, "p f -> p (f pair)", pair=2)
    rows, columns = repeat(angles, "r c -> (r w) c", w=grid), repeat(angles, "w c -> (r w) c", r=grid)
    each = torch.cat([rows, columns], dim=-1)
    return each.cos(), each.sin()


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Heads (n, h, 1 + patches, d) with the patches turned by their positions; the class token has none."""
    first, patches = x[:, :, :1], x[:, :, 1:]
    even, odd = patches[..., ::2], patches[..., 1::2]
    across = torch.stack([-odd, even], dim=-1).flatten(-2)
    return torch.cat([first, patches * cos + across * sin], dim=2)
