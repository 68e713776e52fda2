"""Weighs the references that a model reads as tokens of their own, in every attention of its blocks.

The callable is permanent and keeps nothing: compiled code is made for it once, and what belongs to a call travels in its
options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import comfy.ldm.modules.attention as host
import torch
from torch import Tensor

from ..branch.redux import tokens_left
from ..weights.reference_text import LATENT, REDUX
from . import said
from .acting import Acting
from .call import Given
from .compiled import is_compiled
from .own_branch import OVERRIDE
from .reference_weights import Channels, ReferencesOnRows, Tokens
from .rows import Rows
from .run import Run
from .unrecorded import unrecorded

CALL = "likeness_references"
LATENTS = "ref_latents"
"""The host's name for the latents of references among what a model is given."""
COUNTS = "reference_image_num_tokens"
"""The host's name for their numbers of tokens among the options."""
FIXED_WIDTHS = frozenset({"attention_sage", "attention3_sage"})
"""The host's attentions that are made for some head widths alone."""
Options = Mapping[str, Any]


@dataclass(frozen=True)
class ReferenceCall:
    """What belongs to one call of a model that reads references: it travels in that call's own options.

    `override` is the attention's that was there before ours. `padded` are the queries, keys and values of a block with
    room for the added channels, which are the same in every block.
    """

    run: Run
    rows: Rows
    acting: tuple[Acting, ...]
    on_rows: ReferencesOnRows
    tokens: Tokens
    override: Callable[..., Tensor] | None
    weighs: bool
    padded: dict[Any, Tensor] = field(default_factory=dict[Any, Tensor])

    @classmethod
    def of(cls, run: Run, rows: Rows, acting: tuple[Acting, ...], given: Given) -> ReferenceCall:
        on_rows, tokens = weights_of(run, rows, acting, given)
        if on_rows.weights and is_cached(given.options):
            raise ValueError(said.CACHED)
        run.have_acted(on_rows.acted)
        return cls(run, rows, acting, on_rows, tokens, given.options.get(OVERRIDE), bool(on_rows.weights))

    @property
    def is_complete(self) -> bool:
        """These models run all rows of a call at once."""
        return True

    def into(self, options: Options) -> dict[str, Any]:
        """What changes in the options of the call: its attentions go through `weigh` where a reference is weighed."""
        if not self.weighs and not is_compiled(options):  # compiled code serves calls with and without references
            return {}
        return {CALL: self, OVERRIDE: weigh}

    def channels(self, options: Options, q: Tensor, k: Tensor) -> Channels | None:
        """What is added for the queries and keys (rows, heads, N, d) of a block; None for nothing.

        Where it cannot be known which token is which, nothing is weighed, and that is said.
        """
        counts = tuple(options.get(COUNTS, ()))
        tokens = self.tokens._replace(references=counts)
        if q.ndim != 4 or len(q) != self.rows.count or {q.shape[2], k.shape[2]} != {tokens.total}:
            for one in self.acting:
                self.run.tell(one.branch, said.other_tokens(q.shape[-2], k.shape[-2], tokens.total))
            return None
        return self.on_rows.channels(counts, q)

    def with_room(self, name: str, tensor: Tensor, channels: Tensor | int) -> Tensor:
        """A tensor (rows, heads, N, d) with further channels, in memory that every block of the call uses anew."""
        width = tensor.shape[-1]
        key = (name, tensor.shape, tensor.dtype, tensor.device)
        room = self.padded.get(key)
        if room is None:
            more = channels if isinstance(channels, int) else channels.shape[-1]
            room = self.padded[key] = tensor.new_zeros(*tensor.shape[:-1], width + more)
            if isinstance(channels, Tensor):
                room[..., width:] = channels
        room[..., :width] = tensor
        return room


def weights_of(run: Run, rows: Rows, acting: tuple[Acting, ...], given: Given) -> tuple[ReferencesOnRows, Tokens]:
    """The weights that act on the rows of a call, and the tokens of such a row without its references."""
    network = given.model.diffusion_model
    patch: int = getattr(network, "_orig_mod", network).patch_size
    height, width = given.size
    frames = given.x.shape[2] if given.x.ndim == 5 else 1
    text = 0 if given.text is None else given.text.shape[1]
    tokens = Tokens(text, frames, (-(-height // patch), -(-width // patch)), ())
    latents = len(given.extra.get(LATENTS) or ())
    key = ("references", acting, rows, tokens, latents)
    return run.kind_of(key, lambda: ReferencesOnRows(run, acting, rows, tokens, latents)), tokens


def without_cut(run: Run, rows: Rows, acting: tuple[Acting, ...], given: Given) -> Given:
    """What a call is given, without the references that are to be left out where these are all that it has of their kind.

    The model then does exactly what it does without them. One of several stays: the places of the others depend on it.
    """
    on_rows, _ = weights_of(run, rows, acting, given)
    run.have_acted(on_rows.acted)
    if on_rows.cuts(LATENT, len(given.extra.get(LATENTS) or ())):
        given = replace(given, extra={key: value for key, value in given.extra.items() if key != LATENTS})
    marked = on_rows.redux[0] if len(set(on_rows.redux)) == 1 else None
    if marked and on_rows.cuts(REDUX, len(marked.spans)) and given.extra.get("attention_mask") is None:
        left = torch.tensor(tokens_left(marked, marked.spans), device=cast(Tensor, given.text).device)
        given = replace(given, text=cast(Tensor, given.text)[:, left])
    return given


def is_cached(options: Options) -> bool:
    """Whether the host's node that keeps keys and values of references from step to step is on a model."""
    # By its name: hosts have it in different modules, and some have none.
    patches = options.get("patches", {}).get("attn1_patch", ())
    return any(type(patch).__name__ == "KV_Attn_Input" for patch in patches)


@torch.compiler.disable
def weigh(attention: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """One attention over text, canvas and references, by the host's function or by what another pack put in its place."""
    options: Options = kwargs["transformer_options"]
    call: ReferenceCall = options[CALL]
    q, k = cast(Tensor, args[0]), cast(Tensor, args[1])
    with unrecorded():
        channels = call.channels(options, q, k) if call.weighs else None
        if channels is not None:
            return _weighed(call, _any_width(call, attention), channels, args, kwargs)
    return attention(*args, **kwargs) if call.override is None else call.override(attention, *args, **kwargs)


def _weighed(
    call: ReferenceCall,
    attention: Callable[..., Tensor],
    channels: Channels,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Tensor:
    q, k, v, *rest = args
    width: int = q.shape[-1]
    padded = (
        call.with_room("q", q, channels.queries),
        call.with_room("k", k, channels.keys),
        call.with_room("v", v, channels.width),
    )
    wanted = {**kwargs, "scale": width**-0.5, "skip_output_reshape": True}
    made = attention(*padded, *rest, **wanted)[..., :width]
    return made if kwargs.get("skip_output_reshape") else made.transpose(1, 2).flatten(2)


def _any_width(call: ReferenceCall, attention: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An attention that takes every head width: PyTorch's, where the one in use is made for some alone or is not known."""
    if call.override is None and attention.__name__ not in FIXED_WIDTHS:
        return attention
    name = said.pack_of(call.override) or "another pack" if call.override else attention.__name__
    for one in call.acting:
        call.run.tell(one.branch, said.other_attention(name))
    return host.attention_pytorch
