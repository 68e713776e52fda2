"""The captions of a lesson, as tensors that are cheap to hand to another process -> the host's entries, the last ones kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from ..cache import Cache
from .dataset import Text
from .packed import below
from .shards import text_from, text_tensors

TEXT_BUDGET = 1 << 25  # bytes

ALIKE, EACH = "text/", "text {}/"
"""What the names of the tensors begin with: of all texts, where they are as long as each other, or of one."""


def rows_of_texts(texts: Sequence[Mapping[str, Tensor]]) -> dict[str, list[Tensor]]:
    """The tensors of some texts, to be packed."""
    if len({tuple((name, tensor.shape) for name, tensor in sorted(text.items())) for text in texts}) > 1:
        return {EACH.format(row) + name: [own] for row, text in enumerate(texts) for name, own in text.items()}
    return {ALIKE + name: [text[name] for text in texts] for name in texts[0]}


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

    def of(self, where: tuple[int, int], read: Mapping[str, Tensor], row: int) -> Text:
        """A row of what was read; the same entry for the same words, as long as it is kept."""

        def copied() -> Text:
            alike = below(read, ALIKE)
            own = alike or below(read, EACH.format(row))
            return text_from({name: tensor[row if alike else 0].clone() for name, tensor in own.items()})

        return self._kept.get(where, copied)


def _size_of(text: Text) -> int:
    return sum(tensor.nbytes for tensor in text_tensors(text).values())
