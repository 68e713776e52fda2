"""The host's conditioning entries -> what a call of the model takes for a batch of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import comfy.samplers
import torch
from torch import Tensor

from ..cache import Cache
from .dataset import Text
from .placing import placed

BUDGET = 1 << 27  # bytes: 200 prompts of SDXL
_Made = tuple[Text, Mapping[str, Any]]


class Conditions:
    """Encodes entries for a latent size as the host's sampler would before a run, and keeps the last ones, on the device."""

    def __init__(self, model: Any, device: torch.device, budget: int = BUDGET) -> None:
        self._model = model
        self._device = device
        self._made: Cache[_Made] = Cache(budget, _size_of)

    def batch(self, texts: Sequence[Text], latents: Tensor) -> dict[str, Tensor]:
        """The conditioning arguments of one call: texts[i] is for latents[i]."""
        one = latents[:1]
        parts = [{name: c.process_cond(1, area=None) for name, c in self._of(t, one).items()} for t in texts]
        return comfy.samplers.cond_cat(parts, self._device)

    def _of(self, text: Text, latent: Tensor) -> Mapping[str, Any]:
        # The entry is kept beside what was made of it, so that its id stays its own.
        key = (id(text), tuple(latent.shape))
        return self._made.get(key, lambda: (text, self._encoded(text, latent)))[1]

    def _encoded(self, text: Text, latent: Tensor) -> Mapping[str, Any]:
        entry = {**text[1], "cross_attn": text[0], "model_conds": {}, "uuid": uuid.uuid4()}
        encoded = comfy.samplers.encode_model_conds(
            self._model.extra_conds,
            [entry],
            latent,
            self._device,
            "positive",
            latent_image=latent,
            denoise_mask=None,
            seed=None,
        )
        return {name: self._here(condition) for name, condition in encoded[0]["model_conds"].items()}

    def _here(self, condition: Any) -> Any:
        """On the device, so that a batch of them is made there."""
        given = getattr(condition, "cond", None)
        return condition._copy_with(placed(given, self._device)) if isinstance(given, Tensor) else condition


def _size_of(made: _Made) -> int:
    return sum(condition.cond.nbytes for condition in made[1].values() if isinstance(condition.cond, Tensor))
