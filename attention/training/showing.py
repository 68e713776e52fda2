"""Examples -> what one call of the model takes of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..reference.embeds import Embeds
from .conditions import Conditions
from .dataset import Dataset, Example
from .frozen import FrozenModel
from .placing import placed
from .trainee import Batch, Trainee

Drops = Sequence[tuple[bool, bool]]
"""For each example whether it is shown without its text, and without its picture."""


class Showing:
    """Puts examples of one size into a batch, on the model's device."""

    def __init__(self, frozen: FrozenModel, trainee: Trainee, dataset: Dataset) -> None:
        self._frozen = frozen
        self._dataset = dataset
        self._features = trainee.identity.variant.features
        self._has_hints = trainee.identitynet is not None
        self._conditions = Conditions(frozen.model, frozen.device)

    def latents(self, chosen: Sequence[Example]) -> Tensor:
        """Their latents (B, C, h, w) as the model reads them."""
        latents = placed(torch.stack([e.latent for e in chosen]), self._frozen.device, torch.float32)
        return self._frozen.model.process_latent_in(latents)

    def batch(
        self, chosen: Sequence[Example], latents: Tensor, drops: Drops, references: Sequence[Embeds] | None = None
    ) -> Batch:
        """Their texts, references and hints, for these latents; without `references` the first of each is shown."""
        texts = [self._dataset.no_text if no_text else e.text for e, (no_text, _) in zip(chosen, drops, strict=True)]
        shown = [
            self._dataset.no_picture if no_picture else embeds
            for embeds, (_, no_picture) in zip(references or [e.embeds for e in chosen], drops, strict=True)
        ]
        features = tuple(
            placed(torch.cat([embeds.feature(name) for embeds in shown]), self._frozen.device, torch.float32)
            for name in self._features
        )
        hints = None
        if self._has_hints:
            hints = placed(torch.stack([example.shown_hint for example in chosen]), latents.device, latents.dtype)
        return Batch(self._conditions.batch(texts, latents), features, hints)
