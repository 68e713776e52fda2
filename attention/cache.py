"""Keeps the last results made with one loaded object, within a budget of bytes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def digest(*tensors: Tensor) -> str:
    """A hash of the contents, shapes and types of tensors."""
    hasher = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        hasher.update(f"{tuple(tensor.shape)} {tensor.dtype};".encode())
        hasher.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return hasher.hexdigest()


class Cache(Generic[T]):
    """A bounded, locked cache of results by key; the least recently used are dropped first.

    It lives on the object that makes the results, so it goes when that object goes. `size_of` gives the bytes
    of one result. A result larger than the whole budget is returned but not kept.
    """

    def __init__(self, budget: int, size_of: Callable[[T], int]) -> None:
        self._budget = budget
        self._size_of = size_of
        self._lock = threading.RLock()
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._used = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result kept under `key`, or the one that `make` makes now."""
        return self.get_all((key,), lambda _: (make(),))[0]

    def get_all(self, keys: Sequence[Hashable], make: Callable[[Sequence[int]], Sequence[T]]) -> list[T]:
        """The results under `keys`. Those that are not kept are made together, equal keys once.

        `make` gets the indices in `keys` of the missing ones and returns as many results.
        """
        with self._lock:
            found: dict[Hashable, T] = {key: self._kept[key][0] for key in keys if key in self._kept}
            missing: dict[Hashable, int] = {}
            for place, key in enumerate(keys):
                if key not in found:
                    missing.setdefault(key, place)
            if missing:
                found.update(zip(missing, make(tuple(missing.values())), strict=True))
            for key in dict.fromkeys(keys):
                self._drop(key)
                size = self._size_of(found[key])
                self._kept[key] = (found[key], size)
                self._used += size
            while self._used > self._budget:
                self._drop(next(iter(self._kept)))
            return [found[key] for key in keys]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._used = 0

    @property
    def used(self) -> int:
        """Bytes kept now."""
        return self._used

    def _drop(self, key: Hashable) -> None:
        _, size = self._kept.pop(key, (None, 0))
        self._used -= size

    def __len__(self) -> int:
        return len(self._kept)

    def __deepcopy__(self, _memo: dict[int, Any]) -> Cache[T]:
        return Cache(
            self._budget, self._size_of
        )  # a copy of the owner starts empty: results are remade, locks never copied
