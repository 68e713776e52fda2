"""Turns the weights of a model's own image branch into what happens in its blocks.

A block of Wan asks for three attentions: of the video to itself, to the picture, to the text. What the second gives is
multiplied; a block that the weights leave as it is is not touched at all. Both callables are permanent and keep nothing:
compiled code is made for them once, and what belongs to a call travels in its options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import comfy.ldm.modules.attention as host
import torch
from torch import Tensor

from ..models.families import BlockKey
from . import said
from .acting import Acting
from .call import Given
from .compiled import is_compiled
from .dispatch import CALL
from .own_factor import OwnOnRows
from .place import place_of
from .rows import Rows
from .run import Run
from .unrecorded import unrecorded

OVERRIDE = "optimized_attention_override"
_INSIDE = "likeness_inside"
_NAME = "double_block"
"""The host's name for the blocks of Wan, and the side under which ours are known."""
_ITSELF, _PICTURE = 0, 1
"""Places among the attentions that a block asks for."""
PICTURE_TOKENS = 257
"""Of one picture: CLIP ViT-H's patches and its class token."""
Options = Mapping[str, Any]


@dataclass(frozen=True)
class OwnCall:
    """What belongs to one call of a model that has an image branch: it travels in that call's own options.

    `replaced` are the blocks' replacements that were there before ours, `override` the attention's; `has_picture` says
    whether the model was given one.
    """

    run: Run
    rows: Rows
    acting: tuple[Acting, ...]
    on_rows: OwnOnRows
    replaced: Mapping[Any, Any]
    override: Callable[..., Tensor] | None
    has_picture: bool

    @classmethod
    def of(cls, run: Run, rows: Rows, acting: tuple[Acting, ...], given: Given) -> OwnCall:
        place = place_of(given)
        on_rows = run.kind_of((acting, rows, place), lambda: OwnOnRows(run, acting, rows, place))
        replaced = given.options.get("patches_replace", {}).get("dit", {})
        return cls(run, rows, acting, on_rows, replaced, given.options.get(OVERRIDE), "clip_fea" in given.extra)

    @property
    def is_complete(self) -> bool:
        """Wan runs all rows of a call at once."""
        return True

    def into(self, options: Options) -> dict[str, Any]:
        """What changes in the options of the call: ours is around every block that is not left as it is."""
        blocks = {block for one in self.acting for block in self.run.branches[one.branch].attachment.all_blocks}
        if not is_compiled(options):  # a block's compiled code serves blocks like it
            blocks = {block for block in blocks if not self.on_rows.leaves(block)}
        dit = {**self.replaced, **{(_NAME, number): through for _, number, _ in blocks}}
        return {CALL: self, "patches_replace": {**options.get("patches_replace", {}), "dit": dit}}

    def tell(self, text: str) -> None:
        for one in self.acting:
            self.run.tell(one.branch, text)


class _Inside:
    """Which attention of its block a call is at."""

    def __init__(self, call: OwnCall, block: BlockKey) -> None:
        self.call = call
        self.block = block
        self.asked = 0


def _through(args: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Runs a block of the model, or what another pack put in its place, with its attentions going through `attend`."""
    options = args["transformer_options"]
    call: OwnCall = options[CALL]
    number: int = options["block_index"]
    inside = {**options, OVERRIDE: attend, _INSIDE: _Inside(call, ("block", number, 0))}
    given = {**args, "transformer_options": inside}
    previous = call.replaced.get((_NAME, number))
    return extra["original_block"](given) if previous is None else previous(given, extra)


# Not recursively: the block itself stays compiled.
through = torch.compiler.disable(_through, recursive=False)


@torch.compiler.disable
def attend(attention: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """One of the attentions of a block, by the host's function or by what another pack put in its place."""
    inside: _Inside = kwargs["transformer_options"][_INSIDE]
    call, place = inside.call, inside.asked
    inside.asked += 1
    if call.override is not None:
        attention = overriding(call.override, attention)
    q, k = cast(Tensor, args[0]), cast(Tensor, args[1])
    if place == _ITSELF and k.shape[1] != q.shape[1]:
        inside.asked = _PICTURE + 1  # no block of the host's: which of its attentions reads the picture cannot be told
        call.run.left_out(call.acting, None, 0, call.rows.count)
    if place != _PICTURE:
        return attention(*args, **kwargs)
    with unrecorded():
        return _to_picture(inside, attention, args, kwargs)


def overriding(override: Callable[..., Tensor], attention: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An attention as another pack overrides it."""
    return lambda *args, **kwargs: override(attention, *args, **kwargs)


def _to_picture(
    inside: _Inside, attention: Callable[..., Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor:
    call = inside.call
    q, k, v = args[:3]
    factor = call.on_rows.factor(inside.block, q)
    if factor is None:
        call.run.left_out(call.acting, None, len(q), call.rows.count)
        return attention(*args, **kwargs)
    if isinstance(factor, float) and factor == 0.0:
        return torch.zeros_like(q)  # adding it changes no bit, and nothing is computed
    is_plain = isinstance(factor, float) and factor == 1.0
    if not call.has_picture and not is_plain:
        call.tell(said.NO_PICTURE)
    bias = _bias(call, k)
    if bias is None:
        made = attention(*args, **kwargs)
    else:
        heads = args[3] if len(args) > 3 else kwargs["heads"]
        # PyTorch's own attention: quantised ones take no bias.
        made = host.attention_pytorch(q, k, v, heads, mask=bias)
    return made if is_plain else made * factor


def _bias(call: OwnCall, k: Tensor) -> Tensor | None:
    """What is added to the logits of the keys (rows, tokens, D) of two pictures, None where they count alike."""
    start, end = call.on_rows.pictures
    if start == end:
        return None
    if k.shape[1] != 2 * PICTURE_TOKENS:
        call.tell(said.one_picture(k.shape[1]))
        return None
    return call.on_rows.bias(PICTURE_TOKENS, k)
