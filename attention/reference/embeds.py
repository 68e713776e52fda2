"""What an encoder or recogniser found in reference pictures, before any adapter's projection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

NO_PICTURE = "zeros"
"""The name of the encoder in embeds that no encoder made."""


@dataclass(frozen=True)
class Embeds:
    """Features of n pictures, one polarity.

    `image_embeds` (n, F) pooled and projected; `penultimate` (n, L, F) hidden states before the last layer;
    `face` (n, 512) as the recogniser gives it; `unit_face` (n, 512) of length 1. What was not asked for is None.
    `encoder` names the image encoder in words.
    """

    image_embeds: Tensor | None = None
    penultimate: Tensor | None = None
    face: Tensor | None = None
    unit_face: Tensor | None = None
    encoder: str = ""

    def feature(self, name: str) -> Tensor:
        """One feature by name; ValueError says what there is instead."""
        found = getattr(self, name)
        if found is None:
            raise ValueError(f"the embeds hold {' and '.join(self.names) or 'nothing'}, but not {name}.")
        return found

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in fields(self) if isinstance(getattr(self, f.name), Tensor))

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
                f"embeds 1 hold {_widths(first)} and embeds {i} hold {_widths(part)}: they do not go together."
            )
    encoders = list(dict.fromkeys(part.encoder for part in parts if part.encoder not in (NO_PICTURE, "")))
    if len(encoders) > 1:
        raise ValueError(f"embeds of different image encoders do not go together: {' and '.join(encoders)}.")
    return Embeds(
        **{name: torch.cat([part.feature(name) for part in parts]) for name in first.names},
        encoder=encoders[0] if encoders else first.encoder,
    )


def _widths(embeds: Embeds) -> dict[str, tuple[int, ...]]:
    """Feature -> its shape without the number of pictures."""
    return {name: tuple(embeds.feature(name).shape[1:]) for name in embeds.names}
