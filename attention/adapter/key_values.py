"""Keys and values of image tokens in every layer: made once, or made for the pictures a call needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from ..cache import digest
from ..models.families import BlockKey

Pair = tuple[Tensor, Tensor]


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
        """Keys and values (len(entries), T, D) of one layer, float32, on `device` or where they are kept."""
        ...


@dataclass(frozen=True, eq=False)
class KeyValues:
    """Keys and values kept for every layer: block key -> two tensors (n, T, D)."""

    layers: Mapping[BlockKey, Pair]
    picture_tokens: int

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
        key, value = self.layers[block]
        if tuple(entries) != tuple(range(self.count)):
            key, value = key[list(entries)], value[list(entries)]
        return key.to(device), value.to(device)


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
        return self.project(block, self.tokens[list(entries)].to(device))
