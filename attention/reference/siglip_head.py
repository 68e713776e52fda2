"""SigLIP's pooled output, which ComfyUI's loader leaves out: an attention of one learned query over all patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import comfy.ops
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

HEAD = "vision_model.head."
"""How the keys of the head begin in a file."""
PROBE = f"{HEAD}probe"
_MODEL_TYPES = frozenset({"siglip_vision_model"})
_EPSILON = 1e-6


class SiglipHead(nn.Module):
    """Hidden states (n, L, F) after the last norm -> pooled embeds (n, F). SigLIP (2303.15343), transformers'
    `SiglipMultiheadAttentionPoolingHead`.
    """

    def __init__(self, width: int, heads: int, hidden: int, operations: Any, **options: Any) -> None:
        super().__init__()
        self.heads = heads
        self.probe = nn.Parameter(torch.empty(1, 1, width, **options))
        self.query, self.key, self.value, self.out = (operations.Linear(width, width, **options) for _ in range(4))
        self.layernorm = operations.LayerNorm(width, eps=_EPSILON, **options)
        self.fc1 = operations.Linear(width, hidden, **options)
        self.fc2 = operations.Linear(hidden, width, **options)

    def forward(self, hidden_states: Tensor) -> Tensor:
        probe = comfy.ops.cast_to_input(self.probe, hidden_states).expand(len(hidden_states), -1, -1)
        q, k, v = (
            rearrange(part, "n t (h d) -> n h t d", h=self.heads)
            for part in (self.query(probe), self.key(hidden_states), self.value(hidden_states))
        )
        asked = self.out(rearrange(F.scaled_dot_product_attention(q, k, v), "n h t d -> n t (h d)"))
        return (asked + self.fc2(F.gelu(self.fc1(self.layernorm(asked)), approximate="tanh")))[:, 0]


def is_siglip(clip_vision: Any) -> bool:
    """Whether an encoder of the host's is a SigLIP, which has no class token and pools by a head."""
    return clip_vision.config.get("model_type") in _MODEL_TYPES


def head_of(clip_vision: Any) -> SiglipHead | None:
    """The head that `give_head` gave an encoder; None where it has none."""
    return getattr(clip_vision.model.vision_model, "head", None)


def give_head(clip_vision: Any, tensors: Mapping[str, Tensor]) -> None:
    """Puts the head of the file that an encoder was read from, by its keys there, into that encoder.

    It belongs to the encoder's own network, so that the host counts, moves and casts it as it does the rest. The encoder
    has to be one that nobody else has yet.
    """
    config = clip_vision.config
    made = SiglipHead(
        config["hidden_size"],
        config["num_attention_heads"],
        config["intermediate_size"],
        comfy.ops.manual_cast,
        dtype=clip_vision.dtype,
        device=clip_vision.patcher.offload_device,
    )
    made.load_state_dict(_renamed(tensors), assign=clip_vision.patcher.is_dynamic())
    clip_vision.model.vision_model.head = made.eval()


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the names of `SiglipHead`, the joint projection of query, key and value taken apart."""
    given = {key.removeprefix(HEAD): tensor for key, tensor in tensors.items() if key.startswith(HEAD)}
    named = {"probe": given["probe"]}
    for leaf in ("weight", "bias"):
        parts = given[f"attention.in_proj_{leaf}"].chunk(3)
        named |= {f"{name}.{leaf}": part for name, part in zip(("query", "key", "value"), parts, strict=True)}
        named[f"out.{leaf}"] = given[f"attention.out_proj.{leaf}"]
        named |= {f"{name}.{leaf}": given[f"{own}.{leaf}"] for name, own in _SAME.items()}
    return named


_SAME = {"layernorm": "layernorm", "fc1": "mlp.fc1", "fc2": "mlp.fc2"}
