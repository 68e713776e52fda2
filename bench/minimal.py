"""The least that an adapter can cost: one attention with ready keys and values added in each layer.

On a processor few tokens are repeated to as many as it attends to fastest, as a careful author would do.
"""

from __future__ import annotations

from typing import Any

import comfy.ldm.modules.attention as host
import torch
from torch import Tensor


class MinimalPatch:
    """A replacement for one layer as one writes it by hand: right for batched guidance and nothing else."""

    def __init__(self, key: Tensor, value: Tensor, scale: float) -> None:
        self.key = key
        self.value = value
        self.scale = scale

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, options: dict[str, Any]) -> Tensor:
        heads = options["n_heads"]
        if self.key.dtype != q.dtype or self.key.device != q.device:
            self.key, self.value = self.key.to(q), self.value.to(q)  # once: the layers of a model are of one kind
        text = host.optimized_attention(q, k, v, heads, attn_precision=options["attn_precision"])
        image = host.attention_pytorch(q, self.key, self.value, heads)
        return torch.add(text, image, alpha=self.scale)


def patched(model: Any, attachment: Any) -> Any:
    """A clone of `model` with the minimal patch in every layer of an attachment, negative rows first."""
    from pack.attention.sampling.few_tokens import fastest_count

    clone = model.clone()
    tokens = attachment.positive.num_tokens
    copies = fastest_count(tokens, clone.load_device) // tokens
    for block in attachment.positive.blocks:
        sides = (attachment.negative.pick(block, (0,)), attachment.positive.pick(block, (0,)))
        key, value = (torch.cat(parts).repeat(1, copies, 1) for parts in zip(*sides, strict=True))
        clone.set_model_attn2_replace(MinimalPatch(key, value, attachment.scale_in(block)), *block)
    return clone
