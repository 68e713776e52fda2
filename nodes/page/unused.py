"""Which inputs nothing reads as things are: the page greys them."""

from __future__ import annotations

from typing import Any


def instead(name: str) -> dict[str, Any]:
    """`extra_dict` of an input that is not read where the input `name` is linked."""
    return {"likeness_instead": name}
