"""The captions of a lesson, as tensors that are cheap to hand to another process -> the host's entries, the last ones kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..cache import Cache
from .dataset import Text
from .shards import text_from, text_tensors

TEXT_BUDGET = 1 << 25  # bytes

Joined = Sequence[Mapping[str, Tensor]] | Mapping[str, Tensor]
"""The tensors of some texts by name: joined where all are as long as each other, else text by text."""


def joined(texts: Sequence[Mapping[str, Tensor]]) -> Joined:
    """Some texts in few tensors."""
    if len({tuple((name, tensor.shape) for name, tensor in sorted(text.items())) for text in texts}) > 1:
        return texts
    return {name: torch.stack([text[name] for text in texts]) for name in texts[0]}


class Texts:
    """The captions of a lesson as the base model reads them: the last ones are kept, each once."""

    def __init__(self, captions: Sequence[Sequence[str]]) -> None:
        first: dict[str, tuple[int, int]] = {}
        self._first = [
            [first.setdefault(caption, (file, number)) for number, caption in enumerate(own)]
            for file, own in enumerate(captions)
        ]
        self._kept: Cache[Text] = Cache(TEXT_BUDGET, _size_of)

    def where(self, file: int, number: int) -> tuple[int, int]:
        """The file and the number of the first caption of the same words."""
        return self._first[file][number]

    def of(self, where: tuple[int, int], read: Joined, row: int) -> Text:
        """A row of what was read; the same entry for the same words, as long as it is kept."""

        def copied() -> Text:
            own = {name: each[row] for name, each in read.items()} if isinstance(read, Mapping) else read[row]
            return text_from({name: tensor.clone() for name, tensor in own.items()})

        return self._kept.get(where, copied)


def _size_of(text: Text) -> int:
    return sum(tensor.nbytes for tensor in text_tensors(text).values())
