"""What an encoder or recogniser found in reference pictures, before any adapter's projection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


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
    """The pictures of several embeds, one after the other. They must hold the same features."""
    names = parts[0].names
    if any(part.names != names for part in parts):
        raise ValueError(f"embeds of different kinds: {[part.names for part in parts]}.")
    return Embeds(
        **{name: torch.cat([part.feature(name) for part in parts]) for name in names},
        encoder=parts[0].encoder,
    )
