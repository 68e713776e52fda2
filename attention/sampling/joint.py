"""Adds the branches that act now to the blocks of FLUX.

There a picture's tokens ask with their own queries, normed and not yet turned to their places. What the references answer
is added where a branch joins: to the attention's output before it is projected, or to the picture when the block is done.
In single blocks text and picture are one, and the text asks too. All callables are permanent and keep nothing: compiled
code is made for them once, and what belongs to a call travels in its options.
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
from ..models.families import BlockKey
from ..models.joint_blocks import DOUBLE, SINGLE
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
_NAMES = {DOUBLE: "double_block", SINGLE: "single_block"}
"""The host's names for the blocks."""
_ASKS, _ANSWERS = "attn1_patch", "attn1_output_patch"
"""Where the host lets others see a block's queries, and change what its attention gives."""
_ATTENTION, _BLOCK = "attention", "block"
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
        # A block's compiled code serves blocks like it, and looks for a patch under its own number: give all of them.
        every = is_compiled(options)
        blocks = {block for each in self._attached for block in (each.all_blocks if every else each.blocks)}
        dit = {**self.replaced, **{(_NAMES[side], number): through[side] for side, number, _ in blocks}}
        return {CALL: self, "patches_replace": {**options.get("patches_replace", {}), "dit": dit}}

    @cached_property
    def _attached(self) -> list[Attachment]:
        return [cast(Attachment, self.run.branches[one.branch].attachment) for one in self.acting]

    @cached_property
    def patches(self) -> Mapping[str, Callable[..., Any]]:
        """What has to be called within a block."""
        joins = any(attached.way.joins == _ATTENTION for attached in self._attached)
        return {_ASKS: ask, _ANSWERS: answer} if joins else {_ASKS: ask}

    @cached_property
    def _kind(self) -> CallKind:
        return self.run.kind(self.acting, self.rows)

    def layer(self, block: BlockKey, q: Tensor, lead: int) -> Layer | None:
        """What acts in a block on the queries `q` (rows, heads, N, d), the first `lead` of which are the text's.

        Tokens of further pictures follow those of the one that is made. None where another patch has made rows or
        tokens in a way that is not known.
        """
        height, width = self.grid
        rest = q.shape[2] - lead - height * width
        if len(q) != self.rows.count or rest < 0:
            return None
        return self.run.layer(self._kind, Site(block, self.grid, q.shape[1], rest, lead), q, self.near)


class _Inside:
    """The block that runs now, and what the branches answered its queries; None until it has asked.

    `asked` are the first and the last of those queries among all tokens of the block.
    """

    def __init__(self, call: JointCall, block: BlockKey) -> None:
        self.call = call
        self.block = block
        self.asked: tuple[int, int] = (0, 0)
        self.answered: tuple[Layer, tuple[Tensor, ...]] | None = None


def _through(side: str, args: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Runs a block of the model, or what another pack put in its place, and adds what the branches answer its queries."""
    options = args["transformer_options"]
    call: JointCall = options[CALL]
    number: int = options["block_index"]
    inside, patches = _Inside(call, (side, number, 0)), options.get("patches", {})
    ours = {name: [*patches.get(name, ()), patch] for name, patch in call.patches.items()}
    given = {**args, "transformer_options": {**options, "patches": {**patches, **ours}, _INSIDE: inside}}
    previous = call.replaced.get((_NAMES[side], number))
    made = extra["original_block"](given) if previous is None else previous(given, extra)
    return _added(inside, made)


def _through_double(args: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    return _through(DOUBLE, args, extra)


def _through_single(args: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    return _through(SINGLE, args, extra)


# Not recursively: the block itself stays compiled.
through = {
    side: torch.compiler.disable(each, recursive=False)
    for side, each in ((DOUBLE, _through_double), (SINGLE, _through_single))
}


@torch.compiler.disable
def ask(q: Tensor, k: Tensor, v: Tensor, extra_options: Options, **_: Any) -> dict[str, Tensor]:
    """Asks the branches with the queries of a block; changes nothing. `q` is (rows, heads, text and picture, d).

    Now and not when the block is done: hosts may turn queries to their places in their own memory.
    """
    inside: _Inside = extra_options[_INSIDE]
    first, last = extra_options["img_slice"]
    lead = first if inside.block[0] == SINGLE else 0
    inside.asked = first - lead, last
    with unrecorded():
        own = q[:, :, first - lead : last]
        layer = inside.call.layer(inside.block, own, lead)
        if layer is None:
            _leave_out(inside, len(q))
        else:
            inside.answered = layer, layer.answers(own)
    return {}


@torch.compiler.disable
def answer(attention: Tensor, _options: Options) -> Tensor:
    """The attention (rows, text and picture, D) of a block with what the branches that join there answered, in place."""
    inside: _Inside = _options[_INSIDE]
    if inside.answered is None or not inside.answered[0].joins(_ATTENTION):
        return attention
    layer, answers = inside.answered
    first, last = inside.asked
    if any(each.shape[:2] != (len(attention), last - first) for each in answers) or attention.shape[1] < last:
        _leave_out(inside, len(attention))
        return attention
    with unrecorded():
        layer.write_answers(attention[:, first:last], answers, _ATTENTION)
    return attention


def _with_answers(inside: _Inside, made: dict[str, Any]) -> dict[str, Any]:
    """What a block made, and in its picture what the branches answered; nothing where another patch skipped the block."""
    if inside.answered is None or not inside.answered[0].joins(_BLOCK):
        return made
    image: Tensor = made["img"]
    layer, answers = inside.answered
    if any(each.shape[:2] != image.shape[:2] for each in answers):
        _leave_out(inside, len(image))
        return made
    with unrecorded():
        return {**made, "img": layer.add_answers(image, answers, _BLOCK)}


_added = cast(Callable[[_Inside, dict[str, Any]], dict[str, Any]], torch.compiler.disable(_with_answers))


def _leave_out(inside: _Inside, rows: int) -> None:
    call, (side, number, _) = inside.call, inside.block
    call.run.left_out(call.acting, call.replaced.get((_NAMES[side], number)), rows, call.rows.count)
