"""The one callable that is put on every cross-attention of a UNet and adds the branches that act now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import comfy.ldm.modules.attention as host
import torch
from einops import rearrange
from torch import Tensor

from ..branch.attachment import Attachment
from ..branch.masks import Grid
from ..models.families import BlockKey
from .acting import Acting
from .call import Given
from .compiled import is_compiled
from .layer import Layer
from .near import Near
from .rows import Rows
from .run import CallKind, Run, Site
from .unrecorded import unrecorded

CALL = "likeness_call"
Options = Mapping[str, Any]
Patch = Callable[[Tensor, Tensor, Tensor, Options], Tensor]


@dataclass(frozen=True)
class Call:
    """What belongs to one call of the model: it travels in that call's own options.

    `size` is the height and width of the call's latent. `asked` counts how often a layer was run by a network that
    gives it a part of the rows at a time.
    """

    run: Run
    rows: Rows
    acting: tuple[Acting, ...]
    replaced: Mapping[Any, Patch]  # the attn2 replacements that were there before ours
    size: Grid = (0, 0)
    asked: dict[BlockKey, int] = field(default_factory=dict[BlockKey, int])
    near: Near = field(default_factory=Near)

    def previous(self, block: BlockKey) -> Patch:
        """What computed this layer before: another pack's patch (in the host's order of lookup) or the host."""
        if not self.replaced:
            return _host_attention
        return self.replaced.get(block) or self.replaced.get(block[:2]) or _host_attention

    @classmethod
    def of(cls, run: Run, rows: Rows, acting: tuple[Acting, ...], given: Given) -> Call:
        replaced = given.options.get("patches_replace", {}).get("attn2", {})
        return cls(run, rows, acting, replaced, given.size)

    def into(self, options: Options) -> dict[str, Any]:
        """What changes in the options of the call: our one dispatcher is on every layer that a branch acts in."""
        branches = self.run.branches
        if is_compiled(options):
            # A block's compiled code serves blocks like it, and looks for a patch under its own key: give all of them.
            blocks = {block for branch in branches for block in branch.attachment.all_blocks}
        else:
            acting = (cast(Attachment, branches[one.branch].attachment) for one in self.acting)
            blocks = {block for attachment in acting for block in attachment.blocks}
        attn2 = {**self.replaced, **dict.fromkeys(blocks, dispatch)}
        return {CALL: self, "patches_replace": {**options.get("patches_replace", {}), "attn2": attn2}}

    @cached_property
    def _kind(self) -> CallKind:
        return self.run.kind(self.acting, self.rows)

    def layer(self, site: Site, q: Tensor, k: Tensor) -> Layer | None:
        """What acts at a site on the queries `q` (rows, N, D) and the text's keys `k` (rows, L, D).

        None where another patch has made rows or queries in a way that is not known.
        """
        if len(q) == self.rows.count:
            kind = self._kind
        else:
            rows = self._rows_of(site, q, k)
            if rows is None:
                return None
            kind = self.run.kind(self.acting, rows)
        if kind.has_masks and site.grid[0] * site.grid[1] != q.shape[1]:
            return None  # where on the canvas a query is cannot be told
        return self.run.layer(kind, site, q, self.near)

    def _rows_of(self, site: Site, q: Tensor, k: Tensor) -> Rows | None:
        """The rows of a layer that has another number of them than the call."""
        if len(q) < self.rows.count:
            return self._next_part(site, len(q))
        height, width = site.grid
        if height * width != q.shape[1]:
            return None  # the queries of a row were shared out among several
        return self.run.remembered(("rows", self.rows, len(q)), lambda: _expanded(self.rows, k))

    def _next_part(self, site: Site, count: int) -> Rows | None:
        """The rows that a network which runs a call in parts is at: they come in the call's order."""
        first = self.asked.get(site.key, 0)
        self.asked[site.key] = first + count
        return self.rows.part(first, count) if first + count <= self.rows.count else None

    @property
    def is_complete(self) -> bool:
        """Whether every layer that was run in parts was given all rows."""
        return all(asked == self.rows.count for asked in self.asked.values())


def _expanded(rows: Rows, k: Tensor) -> Rows | None:
    """The rows of a layer that a patch has made more of, told by the text's keys (rows, L, D) that they read.

    What reads the same text is a copy; a patch that couples prompts to regions gives each copy a text of its own.
    """
    times, rest = divmod(len(k), rows.count)
    if not rest:
        whole = rearrange(k, "(copy row) l d -> copy row l d", copy=times)
        each = rearrange(k, "(chunk copy frame) l d -> copy chunk frame l d", copy=times, frame=len(rows.frames))
        order_is_repeated, chunks_are_repeated = (bool((part == part[:1]).all()) for part in (whole, each))
        if order_is_repeated != chunks_are_repeated:
            return rows.tiled(times) if order_is_repeated else rows.repeated(times)
    return rows.coupled(len(k))


def _host_attention(q: Tensor, k: Tensor, v: Tensor, options: Options) -> Tensor:
    precision = options.get("attn_precision")  # blocks that other packs rebuild leave it out
    return host.optimized_attention(q, k, v, options["n_heads"], attn_precision=precision, transformer_options=options)


@torch.compiler.disable
def dispatch(q: Tensor, k: Tensor, v: Tensor, options: Options) -> Tensor:
    """Text attention, or what another pack put in its place, plus every branch that acts in this layer.

    One function for all layers: the host's compile node drops the guards on options, so a callable made for
    each layer would be reused for another one.
    """
    if unrecorded is nullcontext:  # every layer of every step comes by here
        return _dispatched(q, k, v, options)
    with unrecorded():
        return _dispatched(q, k, v, options)


def _dispatched(q: Tensor, k: Tensor, v: Tensor, options: Options) -> Tensor:
    call: Call = options[CALL]
    site = _site(options, call, q)
    previous = call.previous(site.key)
    layer = call.layer(site, q, k)
    if layer is None:
        call.run.left_out(call.acting, previous, len(q), call.rows.count)
        return previous(q, k, v, options)
    if layer.fused and previous is _host_attention and "optimized_attention_override" not in options:
        made = layer.fused(q, k, v)
        if made is not None:
            return made
    return layer.add_to(previous(q, k, v, options), q)


def _site(options: Options, call: Call, q: Tensor) -> Site:
    shape = options.get("activations_shape")
    grid = (shape[-2], shape[-1]) if shape else _grid(call.size, q.shape[1])
    return Site((*options["block"], options["block_index"]), grid, options["n_heads"])


def _grid(size: Grid, queries: int) -> Grid:
    """The grid of a layer that does not say it: the call's latent halved until it has as many cells as queries."""
    height, width = size
    while height * width > queries:
        height, width = (height + 1) // 2, (width + 1) // 2
    return height, width
