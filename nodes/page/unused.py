"""Which inputs nothing reads as things are: the page greys them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def instead(name: str) -> dict[str, Any]:
    """`extra_dict` of an input that is not read where the input `name` is linked."""
    return {"likeness_instead": name}


def either(name: str) -> dict[str, Any]:
    """The same of a text that must be empty where the input `name` is linked: a person has to be able to take it out."""
    return {"likeness_either": name}


def only_with(choice: str, values: Iterable[str]) -> dict[str, Any]:
    """`extra_dict` of an input that is read only where the input `choice` has one of these values."""
    return {"likeness_only_with": {choice: list(values)}}


def not_with(choice: str, value: Any) -> dict[str, Any]:
    """`extra_dict` of an input that is not read where the input `choice` has this value."""
    return {"likeness_not_with": {choice: [value]}}
