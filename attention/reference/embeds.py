"""What an encoder or recogniser found in reference pictures, before any adapter's projection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .features import FEATURES

NO_PICTURE = "zeros"
"""The name of the encoder in embeds that no encoder made."""


@dataclass(frozen=True, eq=False, init=False)
class Embeds:
    """Features of n pictures, one polarity: tensors (n, ...) by their names in `FEATURES`, in the order of that table.

    `encoder` names the image encoder in words.
    """

    features: Mapping[str, Tensor]
    encoder: str

    def __init__(self, *, encoder: str = "", **features: Tensor | None) -> None:
        unknown = [name for name in features if name not in FEATURES]
        if unknown:
            raise ValueError(f"there is no feature '{unknown[0]}'; choose one of: {', '.join(FEATURES)}.")
        held = {name: tensor for name in FEATURES if (tensor := features.get(name)) is not None}
        object.__setattr__(self, "features", held)
        object.__setattr__(self, "encoder", encoder)

    def feature(self, name: str) -> Tensor:
        """One feature by name; ValueError says what there is instead."""
        if name not in self.features:
            raise ValueError(f"the embeds contain {' and '.join(self.names) or 'nothing'}, but not {name}.")
        return self.features[name]

    def with_features(self, **features: Tensor) -> Embeds:
        """The same with these features in place of its own of those names."""
        return Embeds(**{**self.features, **features}, encoder=self.encoder)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.features)

    @property
    def count(self) -> int:
        """n, the number of pictures."""
        return len(self.feature(self.names[0])) if self.names else 0


def stacked(parts: Sequence[Embeds]) -> Embeds:
    """The pictures of several embeds, one after the other.

    Raises ValueError naming both sides unless they hold the same features, as wide, of the same encoder.
    """
    first = parts[0]
    for i, part in enumerate(parts[1:], 2):
        if _widths(part) != _widths(first):
            raise ValueError(
                f"embeds 1 contain {_widths(first)}, but embeds {i} contain {_widths(part)}: they cannot be combined."
            )
    encoders = list(dict.fromkeys(part.encoder for part in parts if part.encoder not in (NO_PICTURE, "")))
    if len(encoders) > 1:
        raise ValueError(f"embeds of different image encoders cannot be combined: {' and '.join(encoders)}.")
    return Embeds(
        **{name: torch.cat([part.feature(name) for part in parts]) for name in first.names},
        encoder=encoders[0] if encoders else first.encoder,
    )


def _widths(embeds: Embeds) -> dict[str, tuple[int, ...]]:
    """Feature -> its shape without the number of pictures."""
    return {name: tuple(embeds.feature(name).shape[1:]) for name in embeds.names}
