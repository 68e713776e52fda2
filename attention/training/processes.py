"""Several processes that train together -> sums in an order that does not depend on how many they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

ASKED_TO_STOP = Event()
"""Set by what has started this process alone, to stop all that train together after the same step.

The host's own interrupt would end this one in the middle of a step, and the others would wait for it.
"""
CHUNK = 1 << 24  # numbers that are sent at a time: 64 MB from each process


@dataclass(frozen=True)
class Processes:
    """This process's number among those that train together, and how many they are."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether it is this one that writes and tells."""
        return self.rank == 0

    def rounds(self, parts: int) -> int:
        """How often all of them take a part of a step. Raises ValueError where they cannot share the parts evenly."""
        if parts % self.count:
            fitting = ", ".join(str(count) for count in range(1, parts + 1) if parts % count == 0)
            raise ValueError(
                f"a step has {parts} parts ('accumulation'), which {self.count} processes cannot share evenly. Start one of "
                f"{fitting} processes, or set accumulation to a multiple of {self.count}."
            )
        return parts // self.count

    def part(self, number: int) -> int:
        """The part of a step that is this process's in a round."""
        return number * self.count + self.rank

    def any(self, asked: bool) -> bool:
        """Whether one of them is asked for something: all get the same answer."""
        if self.count == 1:
            return asked
        found = torch.tensor(int(asked))
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return bool(found)

    def check_same(self, what: str, own: str) -> None:
        """Raise ValueError in all of them unless all have the same of `what`."""
        if self.count == 1:
            return
        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, own)
        if len(set(found)) > 1:
            raise ValueError(
                f"the {self.count} processes do not have the same {what}: {', '.join(found)}. Start all with the same command "
                "and the same files, and let all see the folder with the state."
            )

    def wait(self) -> None:
        """Until all of them are here."""
        if self.count > 1:
            dist.barrier()

    def in_order(self, own: Sequence[Tensor]) -> list[Tensor]:
        """One number of each part, from those of this process's parts, in the order of the parts."""
        if self.count == 1:
            return list(own)
        everywhere = self.gathered(torch.stack(list(own)))
        return [theirs[number] for number in range(len(own)) for theirs in everywhere]

    def gathered(self, own: Tensor) -> list[Tensor]:
        """What each process has, the first's first."""
        each = [torch.empty_like(own) for _ in range(self.count)]
        dist.all_gather(each, own)
        return each


def joined() -> Processes:
    """The processes of torch's group, if there is one."""
    if dist.is_available() and dist.is_initialized():
        return Processes(dist.get_rank(), dist.get_world_size())
    return Processes()


class Sum:
    """Adds up the gradients of a step part by part, as one process does that computes all of them.

    An all-reduce would add them in an order that depends on the number of processes and on the library: the last bits
    would, too. Here everybody gets every part and adds them in their order, which takes half as many times the network
    as there are processes.
    """

    def __init__(self, weights: Sequence[Tensor], processes: Processes) -> None:
        self._weights = list(weights)
        self._processes = processes
        self._totals: list[Tensor] = []

    def take(self) -> None:
        """The gradients of a round are in the weights: add them, of all processes."""
        if self._processes.count == 1:
            return  # they are added up where they are
        for number, chunk in enumerate(_chunks(self._weights)):
            own = torch.cat([_gradient(weight).flatten() for weight in chunk])
            for part in self._processes.gathered(own):
                if number == len(self._totals):
                    self._totals.append(part)
                else:
                    self._totals[number] += part
        for weight in self._weights:
            weight.grad = None

    def give(self) -> None:
        """Put the sums into the weights."""
        if self._processes.count == 1:
            return
        for chunk, total in zip(_chunks(self._weights), self._totals, strict=True):
            sizes = [weight.numel() for weight in chunk]
            for weight, gradient in zip(chunk, total.split(sizes), strict=True):
                weight.grad = gradient.view_as(weight)
        self._totals = []


def _gradient(weight: Tensor) -> Tensor:
    if weight.grad is None:
        raise RuntimeError(f"a weight of {tuple(weight.shape)} took no part in a step; all must, in every process.")
    return weight.grad


def _chunks(weights: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Weights one after the other, together up to CHUNK numbers."""
    chunk: list[Tensor] = []
    size = 0
    for weight in weights:
        if chunk and size + weight.numel() > CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(weight)
        size += weight.numel()
    if chunk:
        yield chunk
