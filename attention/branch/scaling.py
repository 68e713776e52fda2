"""Where a branch's factor acts: on the attention's output, on its temperature, or on the mean of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from .fusion import Strength

WIDEST = 1280  # channels of a UNet's widest layer: the penalty is 1 there and above, and less in the narrower ones


@dataclass(frozen=True)
class Scaled:
    """Attn(q, keys * K, V + mean_shift * mean(V)) * output, mean(V) over the tokens of each picture.

    `keys` scales the logits: below 1 it flattens the attention over the tokens, above 1 it sharpens it.
    """

    keys: Strength
    mean_shift: Strength
    output: Strength

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in (self.keys, self.mean_shift, self.output) if isinstance(part, Tensor))


Scaling = Callable[[Strength, int], Scaled]


def _penalised(strength: Strength, width: int) -> Strength:
    return strength * min(width / WIDEST, 1.0)


def _unless_off(strength: Strength) -> Strength:
    """1, and exactly 0 for the rows whose strength is 0. A strength that is one number is never 0 in a layer."""
    return (strength != 0).to(strength) if isinstance(strength, Tensor) else 1.0


SHIFTS_MEAN = "K+mean(V) w/ C penalty"
EMBEDS_SCALING: Mapping[str, Scaling] = {
    "V only": lambda strength, _width: Scaled(1.0, 0.0, strength),
    "K+V": lambda strength, _width: Scaled(strength, 0.0, strength),
    "K+V w/ C penalty": lambda strength, width: Scaled(_penalised(strength, width), 0.0, _penalised(strength, width)),
    SHIFTS_MEAN: lambda strength, width: Scaled(
        _penalised(strength, width), _penalised(strength, width) - 1, _unless_off(strength)
    ),
}
REFERENCE = "V only"
