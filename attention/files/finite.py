"""Named weights -> the first of them that contains NaN or infinity."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

WITHOUT_SUM = (torch.float8_e4m3fn, torch.float8_e5m2)


def first_not_finite(weights: Iterable[tuple[str, Tensor]]) -> str | None:
    """The name of the first weight with a NaN or an infinity in it, or None."""
    for name, weight in weights:
        # A sum is finite if all of it is: no copy is made, and it costs little compared with reading the file.
        total = weight.float().sum() if weight.dtype in WITHOUT_SUM else weight.sum(dtype=torch.float32)
        if not bool(torch.isfinite(total)):
            return name
    return None
