"""The attention of a picture to itself and to a reference, in one softmax: what InstantX's branch on SD3.5 adds."""

from __future__ import annotations

from collections.abc import Sequence

import comfy.ldm.modules.attention as host
import torch
import torch.nn.functional as F
from einops import repeat
from torch import Tensor

from .tokens import Tokens


def answer_beside(tokens: Tokens, norms: Sequence[Tensor], picture: Sequence[Tensor], heads: int) -> Tensor:
    """Attn(q, [k; K], [v; V]) of a picture's `q`, `k`, `v` (rows, N, D), which may be apart by heads already, and G groups of tokens (G, T, D).

    `norms` (d) are what the picture's queries and keys are multiplied by in each head.
    """
    # The host leaves values apart by heads.
    q, k, v = (part.reshape(*part.shape[:2], heads, -1) for part in picture)
    key, value = (_of_rows(part, len(q)).unflatten(-1, (heads, -1)) for part in (tokens.key, tokens.value))
    asked, keys, values = (
        part.transpose(1, 2) for part in (q * norms[0], torch.cat([k * norms[1], key], 1), torch.cat([v, value], 1))
    )
    bias = None
    if tokens.bias is not None:
        bias = F.pad(_of_rows(tokens.bias, len(q)), (k.shape[1], 0))  # nothing of the picture is shut out
    # PyTorch's own attention on purpose: quantised or approximate ones lose what few tokens carry.
    return host.attention_pytorch(asked, keys, values, heads, mask=bias, skip_reshape=True)


def _of_rows(groups: Tensor, rows: int) -> Tensor:
    """What consecutive rows share (G, ...), for each of them."""
    return groups if len(groups) == rows else repeat(groups, "g ... -> (g row) ...", row=rows // len(groups))
