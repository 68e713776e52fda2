"""What the queries of a layer attend to: keys and values of the references that the rows of a call get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import lcm

import torch
import torch.nn.functional as F
from einops import reduce, repeat
from torch import Tensor

from ..adapter.way import normed
from ..branch.attachment import Attachment
from ..branch.scaling import SHIFTS_MEAN
from ..models.families import BlockKey
from .acting import Group, sources
from .few_tokens import fastest_count
from .near import Near
from .rows import Polarity


@dataclass(frozen=True)
class Tokens:
    """What a layer's queries attend to: G groups of consecutive rows share keys and values (G, T, D).

    `means` (G, T, D) are the mean values over the tokens of each picture, repeated for its tokens; they are
    only made for an embeds scaling that shifts them. `bias` (G, 1, T) is added to the logits: it shuts out what
    only fills up the shorter of two references.
    """

    key: Tensor
    value: Tensor
    means: Tensor | None = None
    bias: Tensor | None = None

    @property
    def nbytes(self) -> int:
        return sum(t.nbytes for t in (self.key, self.value, self.means, self.bias) if t is not None)


def tokens_of(attachment: Attachment, block: BlockKey, groups: tuple[Group, ...], q: Tensor, near: Near) -> Tokens:
    """The tokens of consecutive groups of rows in one layer, of the kind of the queries `q` and on their device.

    `near` holds what was copied to that device for the same call.
    """
    sides: set[Polarity] = {side for side, _ in groups}
    found: dict[Group, Tokens] = {}
    for side in sides:
        found.update(_entries(attachment, block, side, groups, q, near))
    entries = [found[group] for group in groups]
    lengths = [entry.key.shape[1] for entry in entries]
    zeros = attachment.fusion.zero_tokens
    if not zeros and not attachment.way.beside_picture:
        # Both sides in one batch need one length. A softmax over k equal copies of the tokens is the same average.
        length = fastest_count(lcm(*lengths), q.device)
        entries = [_repeated(entry, length // n) for entry, n in zip(entries, lengths, strict=True)]
        return _joined(entries, None)
    # Zero tokens, or the picture's own, share the softmax, and copies would outweigh them: the shorter ones are padded.
    longest = max(lengths)
    bias = None
    if min(lengths) < longest:
        spots = torch.arange(longest + zeros, device=q.device)
        padding = torch.stack([(spots >= n) & (spots < longest) for n in lengths])
        bias = torch.zeros(padding.shape, dtype=q.dtype, device=q.device).masked_fill(padding, -torch.inf)[:, None]
    return _joined([_padded(entry, longest + zeros) for entry in entries], bias)


def _entries(
    attachment: Attachment, block: BlockKey, side: Polarity, groups: tuple[Group, ...], q: Tensor, near: Near
) -> dict[Group, Tokens]:
    """The tokens (1, T, D) of each group of one side, as long as they are; each entry is fetched once."""
    source = near.of(sources(attachment, block in attachment.swapped)[side], block, attachment.blocks, q)
    numbers = tuple(dict.fromkeys(number for polarity, number in groups if polarity == side))
    parts = dict(zip(("key", "value"), source.pick(block, numbers, q.device), strict=True))
    heads = q.shape[1] if q.ndim == 4 else 1
    keys, values = (
        (normed(part, heads) if name in attachment.way.normed else part).to(q) for name, part in parts.items()
    )
    if side == "positive" and block in attachment.swapped:
        keys, values = torch.zeros_like(keys), torch.zeros_like(values)
    means = None if attachment.embeds_scaling != SHIFTS_MEAN else _means(values, source.picture_tokens)
    return {
        (side, number): Tokens(keys[i][None], values[i][None], None if means is None else means[i][None])
        for i, number in enumerate(numbers)
    }


def _repeated(entry: Tokens, copies: int) -> Tokens:
    return entry if copies == 1 else _each(entry, lambda tokens: tokens.repeat(1, copies, 1))


def _padded(entry: Tokens, length: int) -> Tokens:
    return _each(entry, lambda tokens: F.pad(tokens, (0, 0, 0, length - tokens.shape[1])))


def _each(entry: Tokens, change: Callable[[Tensor], Tensor]) -> Tokens:
    return Tokens(change(entry.key), change(entry.value), None if entry.means is None else change(entry.means))


def _joined(entries: Sequence[Tokens], bias: Tensor | None) -> Tokens:
    means = [entry.means for entry in entries if entry.means is not None]
    keys, values = [entry.key for entry in entries], [entry.value for entry in entries]
    return Tokens(torch.cat(keys), torch.cat(values), torch.cat(means) if means else None, bias)


def _means(value: Tensor, picture_tokens: int) -> Tensor:
    mean = reduce(value, "n (picture token) d -> n picture d", "mean", token=picture_tokens)
    return repeat(mean, "n picture d -> n (picture token) d", token=picture_tokens)
