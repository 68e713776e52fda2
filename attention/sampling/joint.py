"""Adds the branches that act now to the double blocks of FLUX.

There a picture's tokens ask with their own queries, normed and not yet turned to their places, and what the references
answer is added to the picture when the block is done. Both callables are permanent and keep nothing: compiled code is
made for them once, and what belongs to a call travels in its options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor

from ..branch.attachment import Attachment
from ..branch.masks import Grid
from ..models.double_blocks import SIDE
from ..models.families import BlockKey
from .acting import Acting
from .call import Given
from .compiled import is_compiled
from .dispatch import CALL
from .layer import Layer
from .near import Near
from .rows import Rows
from .run import CallKind, Run, Site
from .unrecorded import unrecorded

_INSIDE = "likeness_inside"
_NAME = "double_block"
"""The host's name for the blocks."""
Options = Mapping[str, Any]


@dataclass(frozen=True)
class JointCall:
    """What belongs to one call of FLUX: it travels in that call's own options.

    `replaced` are the blocks' replacements that were there before ours; `grid` is that of the picture's tokens.
    """

    run: Run
    rows: Rows
    acting: tuple[Acting, ...]
    replaced: Mapping[Any, Any]
    grid: Grid
    near: Near = field(default_factory=Near)

    @classmethod
    def of(cls, run: Run, rows: Rows, acting: tuple[Acting, ...], given: Given) -> JointCall:
        network = given.model.diffusion_model
        patch: int = getattr(network, "_orig_mod", network).patch_size
        height, width = given.size
        replaced = given.options.get("patches_replace", {}).get("dit", {})
        return cls(run, rows, acting, replaced, (-(-height // patch), -(-width // patch)))

    @property
    def is_complete(self) -> bool:
        """FLUX runs all rows of a call at once."""
        return True

    def into(self, options: Options) -> dict[str, Any]:
        """What changes in the options of the call: ours is around every block that a branch acts in."""
        attached = (cast(Attachment, self.run.branches[one.branch].attachment) for one in self.acting)
        # A block's compiled code serves blocks like it, and looks for a patch under its own number: give all of them.
        every = is_compiled(options)
        blocks = {block for each in attached for block in (each.all_blocks if every else each.blocks)}
        dit = {**self.replaced, **{(_NAME, number): through for _, number, _ in blocks}}
        return {CALL: self, "patches_replace": {**options.get("patches_replace", {}), "dit": dit}}

    @cached_property
    def _kind(self) -> CallKind:
        return self.run.kind(self.acting, self.rows)

    def layer(self, block: BlockKey, q: Tensor) -> Layer | None:
        """What acts in a block on the picture's queries `q` (rows, heads, N, d).

        Tokens of further pictures follow those of the one that is made. None where another patch has made rows or
        tokens in a way that is not known.
        """
        height, width = self.grid
        rest = q.shape[2] - height * width
        if len(q) != self.rows.count or rest < 0:
            return None
        return self.run.layer(self._kind, Site(block, self.grid, q.shape[1], rest), q, self.near)


class _Inside:
    """The block that runs now, and what the branches answered the picture's queries in it; None until it has asked."""

    def __init__(self, call: JointCall, number: int) -> None:
        self.call = call
        self.number = number
        self.answered: tuple[Layer, tuple[Tensor, ...]] | None = None


def _through(args: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Runs a block of the model, or what another pack put in its place, and adds what the branches answer its queries."""
    options = args["transformer_options"]
    call: JointCall = options[CALL]
    number: int = options["block_index"]
    inside, patches = _Inside(call, number), options.get("patches", {})
    asking = {**patches, "attn1_patch": [*patches.get("attn1_patch", ()), ask]}
    given = {**args, "transformer_options": {**options, "patches": asking, _INSIDE: inside}}
    previous = call.replaced.get((_NAME, number))
    made = extra["original_block"](given) if previous is None else previous(given, extra)
    return _added(inside, made)


# Not recursively: the block itself stays compiled.
through = torch.compiler.disable(_through, recursive=False)


@torch.compiler.disable
def ask(q: Tensor, k: Tensor, v: Tensor, extra_options: Options, **_: Any) -> dict[str, Tensor]:
    """Asks the branches with the picture's queries of a block; changes nothing. `q` is (rows, heads, text and picture, d).

    Now and not when the block is done: hosts may turn queries to their places in their own memory.
    """
    inside: _Inside = extra_options[_INSIDE]
    first, last = extra_options["img_slice"]
    with unrecorded():
        own = q[:, :, first:last]
        layer = inside.call.layer((SIDE, inside.number, 0), own)
        if layer is None:
            _leave_out(inside, len(q))
        else:
            inside.answered = layer, layer.answers(own)
    return {}


def _with_answers(inside: _Inside, made: dict[str, Any]) -> dict[str, Any]:
    """What a block made, and in its picture what the branches answered; nothing where another patch skipped the block."""
    if inside.answered is None:
        return made
    image: Tensor = made["img"]
    layer, answers = inside.answered
    if any(answer.shape[:2] != image.shape[:2] for answer in answers):
        _leave_out(inside, len(image))
        return made
    with unrecorded():
        return {**made, "img": layer.add_answers(image, answers)}


_added = cast(Callable[[_Inside, dict[str, Any]], dict[str, Any]], torch.compiler.disable(_with_answers))


def _leave_out(inside: _Inside, rows: int) -> None:
    call = inside.call
    call.run.left_out(call.acting, call.replaced.get((_NAME, inside.number)), rows, call.rows.count)
