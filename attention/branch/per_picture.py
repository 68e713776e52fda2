"""Which reference a picture of the batch gets, where each has its own and there may be fewer than pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

REPEAT_LAST = "repeat last"
ERROR = "error"

PER_PICTURE: Mapping[str, Callable[[int, int], int]] = MappingProxyType(
    {
        REPEAT_LAST: lambda frame, count: min(frame, count - 1),
        "cycle": lambda frame, count: frame % count,
        ERROR: lambda frame, _count: frame,
    }
)
"""Name -> (number of a picture, how many references there are) -> the reference it gets."""


def references_of(rule: str, frames: Sequence[int], count: int) -> tuple[int, ...]:
    """The reference of each picture, all from 0. A single reference is for every picture.

    Raises ValueError naming both counts where the rule is 'error' and there are too few.
    """
    if count == 1:
        return (0,) * len(frames)
    pictures = max(frames) + 1
    if rule == ERROR and pictures > count:
        raise ValueError(
            f"there are {count} references, one for each picture of the batch, but the batch has {pictures} pictures. "
            f"Give {pictures} references, or set 'short_batch' to repeat or cycle them."
        )
    return tuple(PER_PICTURE[rule](frame, count) for frame in frames)
