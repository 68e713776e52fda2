"""The one callable that stands on every cross-attention layer and adds the branches that act now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import comfy.ldm.modules.attention as host
import torch
from torch import Tensor

from .layers import BlockKey
from .rows import Rows
from .run import Run

CALL = "likeness_call"
Options = Mapping[str, Any]
Patch = Callable[[Tensor, Tensor, Tensor, Options], Tensor]


@dataclass(frozen=True)
class Call:
    """What belongs to one call of the model: it travels in that call's own options."""

    run: Run
    rows: Rows
    acting: tuple[int, ...]
    replaced: Mapping[Any, Patch]  # the attn2 replacements that stood there before ours

    def previous(self, block: BlockKey) -> Patch:
        """What computed this layer before: another pack's patch (the host's order of lookup) or the host."""
        return self.replaced.get(block) or self.replaced.get(block[:2]) or _host_attention


def _host_attention(q: Tensor, k: Tensor, v: Tensor, options: Options) -> Tensor:
    return host.optimized_attention(
        q, k, v, options["n_heads"], attn_precision=options["attn_precision"], transformer_options=options
    )


@torch.compiler.disable
def dispatch(q: Tensor, k: Tensor, v: Tensor, options: Options) -> Tensor:
    """Text attention, or what another pack put in its place, plus every branch that acts in this layer.

    One function for all layers: the host's compile node drops the guards on options, so a callable made for
    each layer would be reused for another one.
    """
    call: Call = options[CALL]
    block: BlockKey = (*options["block"], options["block_index"])
    base = call.previous(block)(q, k, v, options)
    out = base
    for branch in call.acting:
        attachment = call.run.branches[branch].attachment
        scale = attachment.scale_in(block)
        if scale == 0:
            continue
        rows = call.rows.expanded_to(len(q))
        if rows is None:
            _warn_of_rows(len(q), call.rows.count)
            break
        key, value = call.run.key_values(branch, block, rows, q)
        delta = _attend(q, key, value, options["n_heads"])
        mask = call.run.mask(branch, rows, _grid(options), q)
        # Written to a new tensor once, then in place: `base` may be another pack's.
        target = out if out is not base else None
        if mask is None:
            out = torch.add(out, delta, alpha=scale, out=target)
        else:
            out = torch.addcmul(out, delta, mask, value=scale, out=target)
    return out


def _attend(q: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Attention of queries (rows, N, D) to the tokens (G, T, D) of G groups of consecutive rows."""
    # PyTorch's own attention on purpose: quantised or approximate ones lose what few tokens carry.
    grouped = q.reshape(len(key), -1, q.shape[-1])
    return host.attention_pytorch(grouped, key, value, heads).reshape(q.shape)


def _grid(options: Options) -> tuple[int, int]:
    height, width = options["activations_shape"][-2:]
    return height, width


_warned: set[tuple[int, int]] = set()


def _warn_of_rows(found: int, expected: int) -> None:
    if (found, expected) not in _warned:
        _warned.add((found, expected))
        logging.warning(
            "Likeness: another patch made %d rows of %d in a cross-attention in a way that is not known; "
            "the image branches are left out there.",
            found,
            expected,
        )
