"""Keys and values on the device of a call, copied for many layers at once."""

from __future__ import annotations

from collections.abc import Collection, Hashable

from torch import Tensor

from ..adapter.key_values import Source
from ..models.families import BlockKey


class Near:
    """What was copied for one call of the model: it goes with that call, when the layers have made theirs of it."""

    def __init__(self) -> None:
        self._copied: dict[Hashable, Source] = {}

    def of(self, source: Source, block: BlockKey, wanted: Collection[BlockKey], q: Tensor) -> Source:
        """The source of a layer's tokens, or a copy of it on the device of the queries `q`; `wanted` are the layers that
        will ask for it too.
        """
        key = (id(source), q.device, q.dtype)
        found = self._copied.get(key)
        if found is None or block not in found.blocks:
            found = self._copied[key] = source.near(block, wanted, q)
        return found
