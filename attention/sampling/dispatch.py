"""The one callable that stands on every cross-attention of a UNet and adds the branches that act now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import comfy.ldm.modules.attention as host
import torch
from torch import Tensor

from ..models.families import BlockKey
from .acting import Acting
from .layer import Layer
from .rows import Rows
from .run import CallKind, Run, Site

CALL = "likeness_call"
Options = Mapping[str, Any]
Patch = Callable[[Tensor, Tensor, Tensor, Options], Tensor]


@dataclass(frozen=True)
class Call:
    """What belongs to one call of the model: it travels in that call's own options."""

    run: Run
    rows: Rows
    acting: tuple[Acting, ...]
    replaced: Mapping[Any, Patch]  # the attn2 replacements that stood there before ours

    def previous(self, block: BlockKey) -> Patch:
        """What computed this layer before: another pack's patch (in the host's order of lookup) or the host."""
        return self.replaced.get(block) or self.replaced.get(block[:2]) or _host_attention

    @cached_property
    def _kind(self) -> CallKind:
        return self.run.kind(self.acting, self.rows)

    def layer(self, site: Site, q: Tensor) -> Layer | None:
        """What acts at a site on the queries `q` (rows, N, D).

        None where another patch has made a number of rows that fits no known scheme.
        """
        if len(q) == self.rows.count:
            return self.run.layer(self._kind, site, q)
        rows = self.rows.expanded_to(len(q))
        return None if rows is None else self.run.layer(self.run.kind(self.acting, rows), site, q)


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
    site = _site(options)
    previous = call.previous(site.key)
    layer = call.layer(site, q)
    if layer is None:
        _warn_of_rows(call.run, q.shape[0], call.rows.count)
        return previous(q, k, v, options)
    if layer.fused and previous is _host_attention and "optimized_attention_override" not in options:
        return layer.fused(q, k, v)
    return layer.add_to(previous(q, k, v, options), q)


def _site(options: Options) -> Site:
    height, width = options["activations_shape"][-2:]
    return Site((*options["block"], options["block_index"]), (height, width), options["n_heads"])


def _warn_of_rows(run: Run, found: int, expected: int) -> None:
    if run.first_time((found, expected)):
        logging.warning(
            "Likeness: a cross-attention has %d rows instead of %d, because another patch changed their number in an unknown way; "
            "the image branches are left out there.",
            found,
            expected,
        )
