"""Checks that an image projection has every weight of its variant, in shapes that go together."""

from __future__ import annotations

import torch

from .projection import Shapes
from .variant import Variant


def check_structure(variant: Variant, shapes: Shapes) -> None:
    """Raise ValueError, naming a weight and both shapes, unless a projection of these shapes can be made and filled."""
    try:
        # On the meta device: sizes of any length take no memory.
        with torch.device("meta"):
            wanted = variant.projection(shapes, **variant.options).state_dict()
    except (LookupError, ValueError, ArithmeticError, RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"its image projection is that of {variant.label}, but weights are missing or have impossible shapes ({reason})."
        ) from error
    for key in sorted({*wanted, *shapes}):
        needed = tuple(wanted[key].shape) if key in wanted else None
        if needed != shapes.get(key):
            raise ValueError(
                f"its image projection is that of {variant.label}, which needs 'image_proj.{key}' to be "
                f"{_in_words(needed)}; in the file it is {_in_words(shapes.get(key))}."
            )


def _in_words(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else str(list(shape))
