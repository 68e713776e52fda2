"""The host's conditioning entries -> what a call of the model takes for a batch of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import comfy.samplers
import torch
from torch import Tensor

from .dataset import Text


class Conditions:
    """Encodes each distinct entry for each latent size once, as the host's sampler would before a run."""

    def __init__(self, model: Any, device: torch.device) -> None:
        self._model = model
        self._device = device
        self._made: dict[tuple[int, tuple[int, ...]], tuple[Text, Mapping[str, Any]]] = {}

    def batch(self, texts: Sequence[Text], latents: Tensor) -> dict[str, Tensor]:
        """The conditioning arguments of one call: texts[i] is for latents[i]."""
        one = latents[:1]
        parts = [{name: c.process_cond(1, area=None) for name, c in self._of(t, one).items()} for t in texts]
        return comfy.samplers.cond_cat(parts, self._device)

    def _of(self, text: Text, latent: Tensor) -> Mapping[str, Any]:
        key = (id(text), tuple(latent.shape))
        if key not in self._made:
            # The entry is kept beside what was made of it, so that its id stays its own.
            self._made[key] = (text, self._encoded(text, latent))
        return self._made[key][1]

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
        return encoded[0]["model_conds"]
