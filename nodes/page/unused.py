"""Which inputs nothing reads as things are: the page greys them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def instead(name: str) -> dict[str, Any]:
    """`extra_dict` of an input that is not read where the input `name` is linked."""
    return {"likeness_instead": name}


def only_with(choice: str, values: Iterable[str]) -> dict[str, Any]:
    """`extra_dict` of an input that is read only where the input `choice` has one of these values."""
    return {"likeness_only_with": {choice: list(values)}}
