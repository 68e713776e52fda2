"""InstantX's adapter for FLUX on diffusers' transformer, by the authors' rule, and its encoder's head in transformers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .flux import DOUBLE, HEADS, TEXT, WIDTH, Inputs, Twin, diffusers_step, transformer_flux
from .packages import reference
from .seeds import normal
from .steps import Halves

rotary = reference("diffusers.models.embeddings").apply_rotary_emb

TOKENS, FEATURES, HIDDEN, BLOCKS = 128, 48, 16, 57
EPSILON = 1e-5


@dataclass(frozen=True, eq=False)
class Adapter:
    """A seeded adapter as it is published: two dictionaries in a `.bin`."""

    projection: dict[str, Tensor]
    layers: dict[str, Tensor]

    def save(self, path: Path) -> Path:
        path = path.with_suffix(".bin")
        torch.save({"image_proj": self.projection, "ip_adapter": self.layers}, path)
        return path

    def tokens(self, embeds: Tensor) -> Tensor:
        """Image tokens (1, n * T, C) of pooled embeds (n, F): those of all pictures side by side."""
        p = self.projection
        hidden = F.gelu(F.linear(embeds, p["proj.0.weight"], p["proj.0.bias"]))
        made = F.linear(hidden, p["proj.2.weight"], p["proj.2.bias"]).reshape(-1, TEXT)
        return F.layer_norm(made, (TEXT,), p["norm.weight"], p["norm.bias"])[None]


@cache
def adapter(seed: int = 0) -> Adapter:
    key = ("instantx", seed)
    projection = {
        "proj.0.weight": normal(HIDDEN, FEATURES, key=(*key, "in")) / FEATURES**0.5,
        "proj.0.bias": 0.1 * normal(HIDDEN, key=(*key, "in bias")),
        "proj.2.weight": normal(TOKENS * TEXT, HIDDEN, key=(*key, "out")) / HIDDEN**0.5,
        "proj.2.bias": 0.1 * normal(TOKENS * TEXT, key=(*key, "out bias")),
        "norm.weight": 1 + 0.1 * normal(TEXT, key=(*key, "norm")),
        "norm.bias": 0.1 * normal(TEXT, key=(*key, "norm bias")),
    }
    layers = {
        f"{block}.to_{part}_ip.weight": 2 * normal(WIDTH, TEXT, key=(*key, block, part)) / TEXT**0.5
        for block in range(BLOCKS)
        for part in "kv"
    }
    return Adapter(projection, layers)


@dataclass(frozen=True)
class Use:
    """An adapter acting: pooled embeds (n, F), those of the negative half where it acts there, its scale or one for each
    block, and which of keys and values are normalised."""

    adapter: Adapter
    positive: Tensor
    negative: Tensor | None = None
    scale: float | Sequence[float] = 1.0
    normed: str = "k"


def use(pictures: int = 1, scale: float | Sequence[float] = 1.0, seed: int = 0, **more: object) -> Use:
    return Use(adapter(seed), normal(pictures, FEATURES, key=("instantx embeds", seed, pictures)), scale=scale, **more)


def away(each: Use) -> Use:
    """The same with a picture of its own for the negative half."""
    return replace(each, negative=normal(1, FEATURES, key="instantx away"))


def rms(x: Tensor) -> Tensor:
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON)


class Processor:
    """FLUX's attention with the branches of a block, on rows negative, positive: before the output's projection, for
    the picture's queries in double blocks and for all in single ones."""

    def __init__(self, block: int, uses: Sequence[Use]) -> None:
        self.block, self.uses = block, uses
        self.tokens = [
            (u.negative if u.negative is None else u.adapter.tokens(u.negative), u.adapter.tokens(u.positive))
            for u in uses
        ]

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, image_rotary_emb=None):
        def heads(x: Tensor) -> Tensor:
            return x.unflatten(-1, (attn.heads, -1))

        query, key = attn.norm_q(heads(attn.to_q(hidden_states))), attn.norm_k(heads(attn.to_k(hidden_states)))
        value, asks, text = heads(attn.to_v(hidden_states)), query, 0
        if encoder_hidden_states is not None:
            text = encoder_hidden_states.shape[1]
            query = torch.cat([attn.norm_added_q(heads(attn.add_q_proj(encoder_hidden_states))), query], 1)
            key = torch.cat([attn.norm_added_k(heads(attn.add_k_proj(encoder_hidden_states))), key], 1)
            value = torch.cat([heads(attn.add_v_proj(encoder_hidden_states)), value], 1)
        query, key = (rotary(x, image_rotary_emb, sequence_dim=1) for x in (query, key))
        out = attention(query, key, value)
        words, picture = out[:, :text], out[:, text:] + self.branches(attn, asks)
        if encoder_hidden_states is None:
            return picture
        return attn.to_out[1](attn.to_out[0](picture)), attn.to_add_out(words)

    def branches(self, attn, asks: Tensor) -> Tensor:
        added = torch.zeros(*asks.shape[:2], attn.heads * asks.shape[-1])
        for each, sides in zip(self.uses, self.tokens, strict=True):
            scale = each.scale if isinstance(each.scale, float) else each.scale[self.block]
            for row, tokens in enumerate(sides):
                if tokens is None:
                    continue
                made = {
                    part: (tokens @ each.adapter.layers[f"{self.block}.to_{part}_ip.weight"].T).unflatten(
                        -1, (attn.heads, -1)
                    )
                    for part in "kv"
                }
                made = {part: rms(x) if part in each.normed else x for part, x in made.items()}
                added[row] += scale * attention(asks[row : row + 1], made["k"], made["v"])[0]
        return added


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    made = F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v)))
    return made.transpose(1, 2).flatten(2)


@contextmanager
def loaded(both: Twin, uses: Sequence[Use]) -> Iterator[None]:
    transformer = both.transformer
    blocks = [*transformer.transformer_blocks, *transformer.single_transformer_blocks]
    assert len(blocks) == BLOCKS and len(transformer.transformer_blocks) == DOUBLE and blocks[0].attn.heads == HEADS
    try:
        for number, block in enumerate(blocks):
            block.attn.processor = Processor(number, uses)
        yield
    finally:
        transformer.set_attn_processor(transformer_flux.FluxAttnProcessor())


@torch.no_grad()
def by_the_rule(both: Twin, given: Inputs, uses: Sequence[Use]) -> Halves:
    with loaded(both, uses):
        return diffusers_step(both, given)
