"""The state of one sampling run: keys and values as layers need them, and which branches act at a noise level."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import lcm
from threading import Lock
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ..adapter.key_values import KeyValuesOnDemand
from ..branch.attachment import Attachment
from ..branch.masks import on_grid
from ..branch.scaling import EMBEDS_SCALING, SHIFTS_MEAN, Scaled
from ..models.families import BlockKey
from ..weights.schedule import Course
from .acting import Acting, Group, Placed, place, sources
from .few_tokens import fastest_count
from .fused import Packed, packed
from .rows import Conditionings, Polarity, Rows

T = TypeVar("T")
STORE_BUDGET = 1 << 30
"""Bytes of a run's tensors. Beyond it, as with many windows of frames, they are made anew for each call."""


@dataclass(frozen=True)
class Branch:
    """An attachment in a run, with the noise levels between which it acts, both included."""

    attachment: Attachment
    sigma_start: float
    sigma_end: float


@dataclass(frozen=True)
class KeyValue:
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


class Store:
    """Tensors of a run: each is made when a layer first asks, then kept until the run ends, up to a budget of bytes."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: dict[Hashable, Any] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T], size_of: Callable[[T], int]) -> T:
        found = self._kept.get(key)
        return self._keep(key, make(), size_of) if found is None else found

    def _keep(self, key: Hashable, made: T, size_of: Callable[[T], int]) -> T:
        """What is kept under `key`: several threads may have made it, and all get the one that came first."""
        with self._lock:
            if key not in self._kept and size_of(made) <= self._budget:
                self._budget -= size_of(made)
                self._kept[key] = made
            return self._kept.get(key, made)

    def clear(self) -> None:
        self._kept.clear()


class Run:
    """Everything the branches of one run need. After it is made only its store is filled."""

    def __init__(self, attachments: Sequence[Attachment], model_sampling: Any, conditionings: Conditionings) -> None:
        acting = sorted((a for a in attachments if a.ever_acts), key=lambda a: a.order)
        sigma = model_sampling.percent_to_sigma
        self.branches = tuple(Branch(a, sigma(a.start_percent), sigma(a.end_percent)) for a in acting)
        self.conditionings = conditionings
        self.needs_sigma = not all(a.always_on for a in acting)
        self._course = Course(model_sampling) if any(a.schedule for a in acting) else None
        self._store = Store(STORE_BUDGET)
        self._told: set[Hashable] = set()

    def acting(self, sigma: float | None) -> tuple[Acting, ...]:
        """The branches that act at this noise level, in the order in which they are summed."""
        found = (Acting(i, self._factor(branch, sigma)) for i, branch in enumerate(self.branches))
        return tuple(acting for acting in found if acting.factor)

    def _factor(self, branch: Branch, sigma: float | None) -> float:
        if sigma is None:
            return 1.0
        if not branch.sigma_end <= sigma <= branch.sigma_start:
            return 0.0
        schedule = branch.attachment.schedule
        return schedule.factor(self._course.percent(sigma)) if schedule and self._course else 1.0

    def release(self) -> None:
        """Forget every tensor. Called when sampling ends, fails or is interrupted."""
        self._store.clear()
        self.branches = ()

    def first_time(self, what: Hashable) -> bool:
        """Whether this run has not been asked about `what` before: for messages that are said once."""
        known = what in self._told
        self._told.add(what)
        return not known

    def placed(self, acting: Sequence[Acting], rows: Rows) -> tuple[Placed, ...]:
        """The branches that act in a call, on the rows of that call."""
        return tuple(place(one, self.branches[one.branch].attachment, rows) for one in acting)

    def key_value(self, placed: Placed, block: BlockKey, q: Tensor) -> KeyValue:
        """What the queries `q` of one layer attend to, of the same kind and on the same device."""
        attachment, groups = placed.attachment, placed.groups_in(block)

        def make() -> KeyValue:
            return _key_value(attachment, block, groups, q)

        if isinstance(attachment.positive, KeyValuesOnDemand):
            return make()
        key = ("key_value", placed.branch, block, groups, q.device, q.dtype)
        return self._store.get(key, make, lambda made: made.nbytes)

    def mask(self, placed: Placed, grid: tuple[int, int], q: Tensor) -> Tensor | None:
        """The factor (rows or 1, N, 1) of each query, of the kind of `q`; None for a branch without mask."""
        masks, where, rule = placed.attachment.attn_mask, placed.mask_places, placed.attachment.mask_rule
        if masks is None:
            return None

        def make() -> Tensor:
            parts = {w: on_grid(masks[w[0]][None].float(), grid, w[1], rule) for w in set(where)}
            return torch.cat([parts[w] for w in where]).to(q)

        return self._store.get(("mask", placed.branch, grid, where, q.device, q.dtype), make, lambda made: made.nbytes)

    def scaled(self, placed: Placed, block: BlockKey, q: Tensor) -> Scaled:
        """Where the branch's factor acts in a layer: each part one number, or one for each row (rows, 1, 1)."""
        scaling, width = EMBEDS_SCALING[placed.attachment.embeds_scaling], q.shape[-1]
        number, factors = placed.attachment.scale_in(block) * placed.factor, placed.frame_factors
        if not factors:
            return scaling(number, width)
        key = ("scaled", placed.branch, number, factors, width, q.device, q.dtype)

        def make() -> Scaled:
            return scaling(number * torch.tensor(factors)[:, None, None].to(q), width)

        return self._store.get(key, make, lambda made: made.nbytes)

    def packed(self, branches: Sequence[Placed], block: BlockKey, q: Tensor) -> Packed:
        """The keys and values of several branches in one, for the fused kernel."""

        def make() -> Packed:
            return packed([self.key_value(placed, block, q) for placed in branches])

        which = tuple((placed.branch, placed.groups_in(block)) for placed in branches)
        return self._store.get(("packed", which, block, q.device, q.dtype), make, lambda made: made.nbytes)


def _key_value(attachment: Attachment, block: BlockKey, groups: tuple[Group, ...], q: Tensor) -> KeyValue:
    sides: set[Polarity] = {side for side, _ in groups}
    found: dict[Group, KeyValue] = {}
    for side in sides:
        found.update(_entries(attachment, block, side, groups, q))
    entries = [found[group] for group in groups]
    lengths = [entry.key.shape[1] for entry in entries]
    zeros = attachment.fusion.zero_tokens
    if not zeros:
        # Both sides in one batch need one length. A softmax over k equal copies of the tokens is the same average.
        length = fastest_count(lcm(*lengths), q.device)
        entries = [_repeated(entry, length // n) for entry, n in zip(entries, lengths, strict=True)]
        return _joined(entries, None)
    # Zero tokens stand in the softmax beside the tokens, which copies would outweigh: the shorter ones are padded.
    longest = max(lengths)
    bias = None
    if min(lengths) < longest:
        spots = torch.arange(longest + zeros, device=q.device)
        padding = torch.stack([(spots >= n) & (spots < longest) for n in lengths])
        bias = torch.zeros(padding.shape, dtype=q.dtype, device=q.device).masked_fill(padding, -torch.inf)[:, None]
    return _joined([_padded(entry, longest + zeros) for entry in entries], bias)


def _entries(
    attachment: Attachment, block: BlockKey, side: Polarity, groups: tuple[Group, ...], q: Tensor
) -> dict[Group, KeyValue]:
    """The tokens (1, T, D) of each group of one side, as long as they are; each entry is fetched once."""
    source = sources(attachment, block in attachment.swapped)[side]
    numbers = tuple(dict.fromkeys(number for polarity, number in groups if polarity == side))
    keys, values = (part.to(q) for part in source.pick(block, numbers, q.device))
    if side == "positive" and block in attachment.swapped:
        keys, values = torch.zeros_like(keys), torch.zeros_like(values)
    means = None if attachment.embeds_scaling != SHIFTS_MEAN else _means(values, source.picture_tokens)
    return {
        (side, number): KeyValue(keys[i][None], values[i][None], None if means is None else means[i][None])
        for i, number in enumerate(numbers)
    }


def _repeated(entry: KeyValue, copies: int) -> KeyValue:
    return entry if copies == 1 else _each(entry, lambda tokens: tokens.repeat(1, copies, 1))


def _padded(entry: KeyValue, length: int) -> KeyValue:
    return _each(entry, lambda tokens: F.pad(tokens, (0, 0, 0, length - tokens.shape[1])))


def _each(entry: KeyValue, change: Callable[[Tensor], Tensor]) -> KeyValue:
    return KeyValue(change(entry.key), change(entry.value), None if entry.means is None else change(entry.means))


def _joined(entries: Sequence[KeyValue], bias: Tensor | None) -> KeyValue:
    means = [entry.means for entry in entries if entry.means is not None]
    keys, values = [entry.key for entry in entries], [entry.value for entry in entries]
    return KeyValue(torch.cat(keys), torch.cat(values), torch.cat(means) if means else None, bias)


def _means(value: Tensor, picture_tokens: int) -> Tensor:
    pictures = value.unflatten(1, (-1, picture_tokens))
    return pictures.mean(2, keepdim=True).expand_as(pictures).flatten(1, 2)
