"""What blocks would keep of a batch, and the memory that is free -> whether they keep it or compute it twice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch

Size = tuple[int, int]
"""Of latents (h, w)."""
SPARE = 1 << 30  # bytes that stay free in any case
SHARE = 0.9  # of the rest that may be taken: memory comes in pieces, and not every piece fits


@dataclass(frozen=True)
class Memory:
    """How a device's memory is measured, in bytes: what tensors take, the most they have taken, what is free."""

    taken: Callable[[], int]
    most: Callable[[], int]
    free: Callable[[], int]


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device, those that torch holds ready counted in."""
    found: Any = comfy.model_management.get_free_memory(device)
    return int(found)


def memory_of(device: torch.device) -> Memory:
    """A CUDA device's."""
    return Memory(
        lambda: torch.cuda.memory_allocated(device),
        lambda: torch.cuda.max_memory_allocated(device),
        lambda: free_memory(device),
    )


class Room:
    """Decides for each size of latents whether blocks forget their activations.

    The first batch of a size is computed twice, which measures what keeping it takes: exactly, and without a risk.
    """

    def __init__(self, may_forget: bool, memory: Memory | None) -> None:
        """Without `memory` blocks forget whenever they may."""
        self.may_forget = may_forget
        self._memory = memory
        self.keeps: dict[Size, bool] = {}
        self._found: dict[Size, int] = {}
        self._size: Size = (0, 0)
        self._spares = False

    @property
    def forgets(self) -> bool:
        """Whether blocks forget in the batch that is computed now."""
        return self.may_forget and (self._spares or not self.keeps.get(self._size, False))

    @property
    def is_settled(self) -> bool:
        """Whether that will be the same the next time."""
        return self._memory is None or not self.may_forget or self._size in self.keeps

    def begin(self, size: Size) -> None:
        """A batch with latents of a size begins."""
        self._size = size
        self._found.pop(size, None)

    @contextmanager
    def sparing(self) -> Generator[None]:
        """Within it blocks forget whenever they may."""
        self._spares = True
        try:
            yield
        finally:
            self._spares = False

    @contextmanager
    def measured(self) -> Generator[None]:
        """Within it a block computes what it would have kept."""
        if self._memory is None or self._size in self.keeps:
            yield
            return
        before = self._memory.taken()
        try:
            yield
        finally:  # as a rule it is left by an exception: torch stops it when it has what is needed
            self._found[self._size] = self._found.get(self._size, 0) + self._memory.taken() - before

    def decide(self) -> None:
        """After a step, when everything else that a training keeps is there: choose for the sizes that were measured."""
        memory = self._memory
        for size, wanted in self._found.items():
            if memory is None:
                continue
            free = memory.free() - (memory.most() - memory.taken())
            self.keeps[size] = wanted <= SHARE * (free - SPARE)
            height, width = size
            logging.info(
                "Latents of %sx%s: activations take %.1f GiB, %.1f are free: %s.",
                width,
                height,
                wanted / 2**30,
                free / 2**30,
                "they are kept" if self.keeps[size] else "they are computed twice",
            )
        self._found.clear()

    def give_up(self) -> bool:
        """Memory was too small after all: forget everything from now on; whether that is news."""
        kept = self.may_forget and any(self.keeps.values())
        self.keeps = dict.fromkeys(self.keeps, False)
        return kept
