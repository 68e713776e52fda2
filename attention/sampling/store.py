"""A run's memory of tensors: each is made when a layer first asks, and kept until the run ends."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")


class Store:
    """Results by key, up to a budget of bytes; `is_full` once one was refused for want of room."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: dict[Hashable, Any] = {}
        self._lock = Lock()
        self.is_full = False

    def get(self, key: Hashable, make: Callable[[], T], size_of: Callable[[T], int]) -> T:
        """What is kept under `key`, or else what `make` makes now."""
        found = self._kept.get(key)
        return self._keep(key, make(), size_of) if found is None else found

    def _keep(self, key: Hashable, made: T, size_of: Callable[[T], int]) -> T:
        """What is kept under `key`: several threads may have made it, and all get the one that came first."""
        with self._lock:
            if key not in self._kept:
                if size_of(made) <= self._budget:
                    self._budget -= size_of(made)
                    self._kept[key] = made
                else:
                    self.is_full = True
            return self._kept.get(key, made)

    def clear(self) -> None:
        self._kept.clear()
