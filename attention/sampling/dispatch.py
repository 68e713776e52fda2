"""The one callable that stands on every cross-attention layer and adds the branches that act now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import comfy.ldm.modules.attention as host
import torch
from torch import Tensor

from ..branch.attachment import Attachment
from ..branch.fusion import Strength, delta, mass_on_first
from ..models.families import BlockKey
from .acting import Acting, Placed
from .fused import MOST_SEGMENTS, Segment, kernel_for
from .fused import attend as attend_fused
from .rows import Rows
from .run import KeyValue, Run

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
    def _placed(self) -> tuple[Placed, ...]:
        return self.run.placed(self.acting, self.rows)

    def placed_on(self, count: int) -> tuple[Placed, ...] | None:
        """The acting branches on the call's rows, of which there are `count` in a layer.

        None where another patch has made a number of rows that fits no known scheme.
        """
        if count == self.rows.count:
            return self._placed
        rows = self.rows.expanded_to(count)
        return None if rows is None else self.run.placed(self.acting, rows)


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
    previous = call.previous(block)
    placed = call.placed_on(q.shape[0])
    if placed is None:
        _warn_of_rows(call.run, q.shape[0], call.rows.count)
        return previous(q, k, v, options)
    acting = [one for one in placed if one.attachment.scale_in(block)]
    if previous is _host_attention and "optimized_attention_override" not in options:
        fused = _fused(q, k, v, call.run, acting, block, options)
        if fused is not None:
            return fused
    out = base = previous(q, k, v, options)
    for one in acting:
        out = _with_branch(out, base, q, call.run, one, block, options)
    return out


def _fused(  # noqa: PLR0913  one layer's whole context
    q: Tensor, k: Tensor, v: Tensor, run: Run, acting: Sequence[Placed], block: BlockKey, options: Options
) -> Tensor | None:
    """The same by one kernel, None where that is switched off or a branch needs more than it does."""
    heads: int = options["n_heads"]
    kernel = kernel_for(q, heads)
    if kernel is None or not 0 < len(acting) <= MOST_SEGMENTS:
        return None
    if not all(one.attachment.is_plain for one in acting):
        return None
    segments = [_segment(q, run, one, block, options) for one in acting]
    return attend_fused(kernel, q, k, v, heads, run.packed(acting, block, q), segments)


def _segment(q: Tensor, run: Run, placed: Placed, block: BlockKey, options: Options) -> Segment:
    scaled = run.scaled(placed, block, q)
    assert not isinstance(scaled.keys, Tensor) and not isinstance(scaled.output, Tensor)  # as plain branches have them
    return Segment(scaled.keys, scaled.output, run.mask(placed, _grid(options), q))


def _with_branch(  # noqa: PLR0913  one layer's whole context
    out: Tensor, base: Tensor, q: Tensor, run: Run, placed: Placed, block: BlockKey, options: Options
) -> Tensor:
    attachment = placed.attachment
    heads: int = options["n_heads"]
    scaled = run.scaled(placed, block, q)
    seen = run.key_value(placed, block, q)
    image = _attend(q, seen, scaled.keys, scaled.mean_shift, heads)
    added, factor = image, scaled.output
    if not attachment.fusion.adds:
        mass = _mass(q, seen, attachment, heads) if attachment.fusion.weighs_mass else None
        added, factor = delta(base, image, scaled.output, mass, attachment.fusion), 1.0
    # Written to a new tensor once, then in place: `base` may be another pack's.
    target = out if out is not base else None
    mask = run.mask(placed, _grid(options), q)
    if isinstance(factor, Tensor):
        mask, factor = (factor if mask is None else factor * mask), 1.0
    if mask is None:
        return torch.add(out, added, alpha=factor, out=target)
    return torch.addcmul(out, added, mask, value=factor, out=target)


def _attend(q: Tensor, seen: KeyValue, keys: Strength, mean_shift: Strength, heads: int) -> Tensor:
    """Attention of queries (rows, N, D) to tokens that G groups of consecutive rows share."""
    value = seen.value
    if seen.means is not None:
        value = _shifted(value, seen.means, mean_shift)
    scale = None
    if isinstance(keys, Tensor):
        q = q * keys  # a factor for each row: the same product as scaling its keys
    elif keys != 1.0:
        scale = keys * (q.shape[-1] // heads) ** -0.5
    # PyTorch's own attention on purpose: quantised or approximate ones lose what few tokens carry.
    grouped = q.reshape(seen.key.shape[0], -1, q.shape[-1])
    return host.attention_pytorch(grouped, seen.key, value, heads, mask=seen.bias, scale=scale).reshape(q.shape)


def _shifted(value: Tensor, means: Tensor, shift: Strength) -> Tensor:
    """value + shift * means, in one operation."""
    if isinstance(shift, Tensor):
        return torch.addcmul(value, means, shift)
    return torch.add(value, means, alpha=shift)


def _mass(q: Tensor, seen: KeyValue, attachment: Attachment, heads: int) -> Tensor:
    tokens = attachment.fusion.mass_tokens or seen.key.shape[1] - attachment.fusion.zero_tokens
    grouped = q.reshape(seen.key.shape[0], -1, q.shape[-1])
    return mass_on_first(grouped, seen.key, heads, tokens, seen.bias).reshape(*q.shape[:2], 1)


def _grid(options: Options) -> tuple[int, int]:
    height, width = options["activations_shape"][-2:]
    return height, width


def _warn_of_rows(run: Run, found: int, expected: int) -> None:
    if run.first_time((found, expected)):
        logging.warning(
            "Likeness: another patch made %d rows of %d in a cross-attention in a way that is not known; "
            "the image branches are left out there.",
            found,
            expected,
        )
