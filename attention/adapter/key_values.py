"""Keys and values of image tokens in every layer: made once, or made for the pictures a call needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from ..cache import digest
from ..models.families import BlockKey
from .transfer import like, pin, sent

Pair = tuple[Tensor, Tensor]
STRETCH = 1 << 27
"""Bytes that go to a device in one copy. Many tokens go in several, so that it never has to hold all of them twice."""


class Source(Protocol):
    """Where a branch gets its keys and values, unscaled, for n entries of T tokens each.

    An entry is one reference, or one picture where every frame has its own. `picture_tokens` is how many
    consecutive tokens of an entry come from one picture.
    """

    @property
    def blocks(self) -> Collection[BlockKey]: ...

    @property
    def count(self) -> int: ...

    @property
    def num_tokens(self) -> int: ...

    @property
    def picture_tokens(self) -> int: ...

    @property
    def digest(self) -> str: ...

    def pick(self, block: BlockKey, entries: Sequence[int], device: torch.device | None = None) -> Pair:
        """Keys and values (len(entries), T, D) of one layer, as they are kept, on `device` or where they are."""
        ...

    def near(self, block: BlockKey, wanted: Collection[BlockKey], q: Tensor) -> Source:
        """What serves a layer, and as many of those `wanted` as go with it, on the device of the queries `q`.

        Itself where nothing has to be copied, or nothing can be copied for several layers at once.
        """
        ...


@dataclass(frozen=True, eq=False)
class KeyValues:
    """Keys and values kept for every layer: block key -> two tensors (n, T, D).

    Where they were made together they lie in one `memory`, layers in the order of their keys, which is the order in
    which a UNet runs them.
    """

    layers: Mapping[BlockKey, Pair]
    picture_tokens: int
    memory: Tensor | None = None

    @classmethod
    @torch.no_grad()
    def filled(
        cls,
        widths: Mapping[BlockKey, int],
        shape: tuple[int, int],
        picture_tokens: int,
        make: Callable[[BlockKey], Pair],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> KeyValues:
        """Keys and values of `shape` (n, T) in layers of `widths`, which `make` makes one after another, on `device`."""
        size = 2 * shape[0] * shape[1]
        memory = torch.empty(size * sum(widths.values()), dtype=dtype, device=device)
        places: dict[BlockKey, Pair] = {}
        start = 0
        for block in sorted(widths):
            both = memory[start : start + size * widths[block]].view(2, *shape, widths[block])
            places[block] = both[0], both[1]  # taken apart together they could not be written to
            start += size * widths[block]
        made = cls({block: places[block] for block in widths}, picture_tokens, memory)
        for block, pair in made.layers.items():
            for place, tensor in zip(pair, make(block), strict=True):
                place.copy_(tensor)
        pin(memory, made)
        return made

    @property
    def blocks(self) -> Collection[BlockKey]:
        return self.layers.keys()

    @property
    def count(self) -> int:
        return len(next(iter(self.layers.values()))[0])

    @property
    def num_tokens(self) -> int:
        return next(iter(self.layers.values()))[0].shape[1]

    @cached_property
    def nbytes(self) -> int:
        return sum(k.nbytes + v.nbytes for k, v in self.layers.values())

    @cached_property
    def _digest(self) -> str:
        return digest(*(tensor for pair in self.layers.values() for tensor in pair))

    @property
    def digest(self) -> str:
        return self._digest

    def pick(self, block: BlockKey, entries: Sequence[int], device: torch.device | None = None) -> Pair:
        key, value = (sent(chosen(part, entries), device) for part in self.layers[block])
        return key, value

    def near(self, block: BlockKey, wanted: Collection[BlockKey], q: Tensor) -> KeyValues:
        if self.memory is None or self.memory.device == q.device:
            return self
        stretch = next(each for each in self._stretches(wanted) if block in each)
        start, end = self._start(stretch[0]), self._start(stretch[-1]) + self._size(stretch[-1])
        memory = like(self.memory[start:end], q)
        there: dict[BlockKey, Pair] = {}
        for each in stretch:
            first = self._start(each) - start
            key, value = memory[first : first + self._size(each)].view(2, *self.layers[each][0].shape)
            there[each] = key, value
        return KeyValues(there, self.picture_tokens, memory)

    def _stretches(self, wanted: Collection[BlockKey]) -> list[list[BlockKey]]:
        """The layers that are wanted, in the order of the memory, in parts that go to a device in one copy each."""
        parts: list[list[BlockKey]] = []
        for block in sorted(self.layers.keys() & set(wanted)):
            end = self._start(block) + self._size(block)
            if parts and (end - self._start(parts[-1][0])) * self.layers[block][0].element_size() <= STRETCH:
                parts[-1].append(block)
            else:
                parts.append([block])
        return parts

    def _start(self, block: BlockKey) -> int:
        assert self.memory is not None
        return int(self.layers[block][0].storage_offset()) - int(self.memory.storage_offset())

    def _size(self, block: BlockKey) -> int:
        return 2 * self.layers[block][0].numel()


@dataclass(frozen=True, eq=False)
class KeyValuesOnDemand:
    """Tokens (n, T, C) whose keys and values are made when a layer asks: for long batches of distinct pictures.

    `project` turns tokens into the keys and values of one layer with the adapter's own weights.
    """

    tokens: Tensor
    blocks: Collection[BlockKey]
    project: Callable[[BlockKey, Tensor], Pair]
    picture_tokens: int

    @property
    def count(self) -> int:
        return len(self.tokens)

    @property
    def num_tokens(self) -> int:
        return self.tokens.shape[1]

    @cached_property
    def _digest(self) -> str:
        return digest(self.tokens)

    @property
    def digest(self) -> str:
        return self._digest

    def pick(self, block: BlockKey, entries: Sequence[int], device: torch.device | None = None) -> Pair:
        return self.project(block, sent(chosen(self.tokens, entries), device))

    def near(self, block: BlockKey, wanted: Collection[BlockKey], q: Tensor) -> KeyValuesOnDemand:
        return self if self.tokens.device == q.device else replace(self, tokens=sent(self.tokens, q.device))


@dataclass(frozen=True, eq=False)
class NoTokens:
    """In place of a reference where nothing acts: one token of zeros, the attention to which is zeros too.

    `widths` are D of the layers that the other side's keys and values are for.
    """

    widths: Mapping[BlockKey, int]
    count: int = 1
    num_tokens: int = 1
    picture_tokens: int = 1
    digest: str = "nothing"

    @property
    def blocks(self) -> Collection[BlockKey]:
        return self.widths.keys()

    def pick(self, block: BlockKey, entries: Sequence[int], device: torch.device | None = None) -> Pair:
        zeros = torch.zeros(len(entries), 1, self.widths[block], device=device)
        return zeros, zeros

    def near(self, block: BlockKey, wanted: Collection[BlockKey], q: Tensor) -> NoTokens:
        return self


def chosen(tensor: Tensor, entries: Sequence[int]) -> Tensor:
    """These entries (n, ...) of a tensor, in its memory where they follow each other.

    Without an index, which would have to get to the device of the tensor first.
    """
    first, count = entries[0], len(entries)
    if all(after == before + 1 for before, after in pairwise(entries)):
        return tensor[first : first + count]
    return torch.cat([tensor[entry : entry + 1] for entry in entries])
