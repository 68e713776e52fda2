"""How a variant's keys and values are used: what of them is normalised, and what their attention is added to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Part = Literal["key", "value"]
EPSILON = 1e-5


@dataclass(frozen=True)
class Way:
    """Where a branch's answer joins the model, and which of its parts are normalised first.

    "attention": the answer is added to the attention's output, before its output projection. "block": to what the whole
    block gives, when it is done. `normed` parts have a root mean square of 1 in each head and token, without a weight.
    With `beside_picture` the branch's softmax has the picture's own keys before the reference's. With `by_time` keys and
    values depend on the noise level.
    """

    joins: Literal["attention", "block"] = "attention"
    normed: frozenset[Part] = frozenset()
    beside_picture: bool = False
    by_time: bool = False


def normed(tokens: Tensor, heads: int) -> Tensor:
    """Keys or values (n, T, heads * d) with a root mean square of 1 in each head, in float32."""
    apart = tokens.float().unflatten(-1, (heads, -1))
    return (apart * torch.rsqrt(apart.square().mean(-1, keepdim=True) + EPSILON)).flatten(-2)
