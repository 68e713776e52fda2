"""Tensors by name <-> one tensor with all of them: what is handed to another process costs for each tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_ALIGNED = 64  # bytes


@dataclass(frozen=True)
class _Place:
    """Where a tensor lies in the bytes."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int

    @property
    def end(self) -> int:
        return self.offset + math.prod(self.shape) * self.dtype.itemsize

    def within(self, data: Tensor) -> Tensor:
        return data[self.offset : self.end].view(self.dtype).view(self.shape)


@dataclass(frozen=True, eq=False)
class Packed:
    """Tensors in one, each as it was, to the bit."""

    data: Tensor
    places: Mapping[str, _Place]

    def unpacked(self) -> dict[str, Tensor]:
        """Views of them."""
        return {name: place.within(self.data) for name, place in self.places.items()}


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin so, by the rest of the name."""
    return {name.removeprefix(prefix): own for name, own in tensors.items() if name.startswith(prefix)}


def packed(rows: Mapping[str, Sequence[Tensor]]) -> Packed:
    """The rows of each name, alike in shape and type, stacked."""
    places: dict[str, _Place] = {}
    end = 0
    for name, own in rows.items():
        place = _Place(own[0].dtype, (len(own), *own[0].shape), end)
        places[name] = place
        end = -(-place.end // _ALIGNED) * _ALIGNED
    data = torch.empty(end, dtype=torch.uint8)
    for name, own in rows.items():
        torch.stack(list(own), out=places[name].within(data))
    return Packed(data, places)
