"""Several pictures' embeds -> the embeds of one reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ..inputs import at
from .embeds import Embeds

CONCAT = "concat"
PER_FRAME = "one per frame"


def _norm_average(features: Tensor) -> Tensor:
    """The mean direction at the mean length: no picture counts more for being longer."""
    flat = features.flatten(1)
    lengths = flat.norm(dim=1, keepdim=True)
    direction = (flat / lengths.clamp_min(1e-12)).mean(0, keepdim=True)
    unit = direction / direction.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return (unit * lengths.mean()).view(1, *features.shape[1:])


def _subtract(features: Tensor) -> Tensor:
    return features[:1] - features[1:].mean(0, keepdim=True) if len(features) > 1 else features


COMBINATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    CONCAT: lambda features: features,
    "average": lambda features: features.mean(0, keepdim=True),
    "norm average": _norm_average,
    "add": lambda features: features.sum(0, keepdim=True),
    "subtract": _subtract,
    "max": lambda features: features.amax(0, keepdim=True),
    "min": lambda features: features.amin(0, keepdim=True),
}
"""Name -> rule on one feature (n, ...). 'concat' keeps the pictures: their tokens share one softmax."""


def combined(embeds: Embeds, method: str) -> Embeds:
    """The embeds of n pictures as those of one reference; n stays with 'concat', else it becomes 1."""
    if method not in COMBINATIONS:
        raise ValueError(
            f"there is no way to combine pictures called '{method}'; choose one of: {', '.join(COMBINATIONS)}."
        )
    rule = COMBINATIONS[method]
    return embeds.with_features(**{name: rule(feature) for name, feature in embeds.features.items()})


def weighted(embeds: Embeds, weights: Sequence[float]) -> Embeds:
    """Each picture's features times its weight; the last weight is for all that follow."""
    if not weights:
        return embeds
    factors = torch.tensor([at(weights, i) for i in range(embeds.count)])

    def scale(features: Tensor) -> Tensor:
        return features * factors.to(features).view(-1, *(1,) * (features.ndim - 1))

    return embeds.with_features(**{name: scale(feature) for name, feature in embeds.features.items()})
