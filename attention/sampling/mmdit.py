"""Adds the branches that act now to the joint blocks of SD3.5.

A block asks for one attention of text and picture together. The picture's tokens ask the references with the same queries,
normed as the adapter norms them, and look at each other once more beside them; the answer is added to the attention's
output before it is projected. Callables are permanent and keep nothing: compiled code is made for them once, and what
belongs to a call travels in its options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import Any, cast

import torch
from torch import Tensor

from ..adapter.transfer import like
from ..branch.attachment import Attachment
from ..branch.masks import Grid
from ..models.families import BlockKey
from ..models.mmdit_blocks import MMDIT
from . import said
from .acting import Acting
from .beside_picture import answer_beside
from .call import Given
from .compiled import is_compiled
from .dispatch import CALL
from .layer import BranchInLayer
from .near import Near
from .own_branch import OVERRIDE, overriding
from .rows import Rows
from .run import CallKind, Run, Site
from .unrecorded import unrecorded

_INSIDE = "likeness_inside"
_NAME = "double_block"
"""The host's name for the blocks."""
Options = Mapping[str, Any]


def time_of(given: Given) -> float | None:
    """The timestep of a call, 0..1000; None where its rows have several."""
    times: set[float] = set(given.model.model_sampling.timestep(given.sigma).float().tolist())
    return times.pop() if len(times) == 1 else None


@dataclass(frozen=True)
class MMDiTCall:
    """What belongs to one call of SD3.5: it travels in that call's own options.

    `replaced` are the blocks' replacements that were there before ours, `override` the attention's; `grid` is that of the
    picture's tokens, `time` the timestep of all rows, None where they have several.
    """

    run: Run
    rows: Rows
    acting: tuple[Acting, ...]
    replaced: Mapping[Any, Any]
    override: Callable[..., Tensor] | None
    grid: Grid
    time: float | None
    device: torch.device
    near: Near = field(default_factory=Near)

    @classmethod
    def of(cls, run: Run, rows: Rows, acting: tuple[Acting, ...], given: Given) -> MMDiTCall:
        network = given.model.diffusion_model
        patch: int = getattr(network, "_orig_mod", network).patch_size
        height, width = given.size
        replaced, grid = (
            given.options.get("patches_replace", {}).get("dit", {}),
            (-(-height // patch), -(-width // patch)),
        )
        return cls(run, rows, acting, replaced, given.options.get(OVERRIDE), grid, time_of(given), given.x.device)

    @property
    def is_complete(self) -> bool:
        """SD3.5 runs all rows of a call at once."""
        return True

    def into(self, options: Options) -> dict[str, Any]:
        """What changes in the options of the call: ours is around every block that a branch acts in."""
        if self.time is None:
            self.run.leave_out(self.acting, said.NOISE_LEVELS)
            return {}
        # A block's compiled code serves blocks like it, and looks for a patch under its own number: give all of them.
        every = is_compiled(options)
        attached = (cast(Attachment, self.run.branches[one.branch].attachment) for one in self.acting)
        blocks = {block for each in attached for block in (each.all_blocks if every else each.blocks)}
        dit = {**self.replaced, **{(_NAME, number): through(number) for _, number, _ in blocks}}
        return {CALL: self, "patches_replace": {**options.get("patches_replace", {}), "dit": dit}}

    @cached_property
    def _kind(self) -> CallKind:
        assert self.time is not None
        return self.run.kind_at(self.acting, self.rows, self.time, self.device)

    def branches(self, block: BlockKey, q: Tensor, heads: int) -> tuple[BranchInLayer, ...] | None:
        """What acts in a block on the picture's queries `q` (rows, N, D).

        None where another patch has made rows or tokens in a way that is not known.
        """
        rest = q.shape[1] - self.grid[0] * self.grid[1]
        if len(q) != self.rows.count or rest < 0:
            return None
        return self.run.layer(self._kind, Site(block, self.grid, heads, rest), q, self.near).branches

    def norms(self, branch: BranchInLayer, block: BlockKey, q: Tensor) -> list[Tensor]:
        """What a branch multiplies the picture's queries and keys by, where `q` is and of its kind."""
        given = branch.branch
        pair = given.attachment.norms[block]
        keys = (("norm", part, given.number, block, q.device, q.dtype) for part in ("query", "key"))
        return [self.run.store(key, partial(like, norm, q)) for key, norm in zip(keys, pair, strict=True)]


class _Inside:
    """The block that runs now; `lead` of its tokens are the text's, `has_asked` says that its attention was seen."""

    def __init__(self, call: MMDiTCall, block: BlockKey, lead: int) -> None:
        self.call = call
        self.block = block
        self.lead = lead
        self.has_asked = False


def _through(number: int, args: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Runs a block of the model, or what another pack put in its place, with its attention going through `attend`."""
    options = args["transformer_options"]
    call: MMDiTCall = options[CALL]
    inside = _Inside(call, (MMDIT, number, 0), args["txt"].shape[1])
    given = {**args, "transformer_options": {**options, OVERRIDE: attend, _INSIDE: inside}}
    previous = call.replaced.get((_NAME, number))
    return extra["original_block"](given) if previous is None else previous(given, extra)


@cache
def through(number: int) -> Callable[..., dict[str, Any]]:
    """The one callable of a block, whose number the host does not tell. Not recursively: the block itself stays compiled."""
    uncompiled = torch.compiler.disable(partial(_through, number), recursive=False)
    return cast(Callable[..., dict[str, Any]], uncompiled)


@torch.compiler.disable
def attend(attention: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """One of the attentions of a block, by the host's function or by what another pack put in its place.

    The first is that of text and picture; models with a second one have no adapter.
    """
    inside: _Inside = kwargs["transformer_options"][_INSIDE]
    if inside.call.override is not None:
        attention = overriding(inside.call.override, attention)
    made = attention(*args, **kwargs)
    if inside.has_asked:
        return made
    inside.has_asked = True
    with unrecorded():
        return _with_answers(inside, made, args[:3], args[3] if len(args) > 3 else kwargs["heads"])


def _with_answers(inside: _Inside, made: Tensor, given: tuple[Tensor, ...], heads: int) -> Tensor:
    """The attention (rows, text and picture, D) of a block and what the branches answer the picture, in place."""
    call, block = inside.call, inside.block
    own = [part[:, inside.lead :] for part in given]
    branches = call.branches(block, own[0], heads) if given[0].ndim == 3 else None
    if branches is None:
        call.run.left_out(call.acting, call.replaced.get((_NAME, block[1])), len(made), call.rows.count)
        return made
    for branch in branches:
        answer = answer_beside(branch.tokens, call.norms(branch, block, own[0]), own, heads)
        branch.write_answer(made[:, inside.lead :], answer)
    return made
