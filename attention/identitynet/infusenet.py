"""InfiniteYou's IdentityNet for FLUX, called InfuseNet (arXiv 2503.16418): it sees keypoints as a latent, and adds to tokens."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import torch
from einops import rearrange
from torch import Tensor

from ..branch.masks import Grid
from ..models.families import LATENT_CELL
from .hint import Hint, Sizing
from .net import IdentityNet

GUIDANCE = 1.0
"""What its authors tell it, whatever the model is told (`controlnet_guidance_scale` of their pipeline)."""
PATCH = 2
"""Latent cells along one side of a token of FLUX."""


class InfuseNet(IdentityNet):
    """An IdentityNet of FLUX's blocks: the host's ControlNet for FLUX with a context of its own."""

    @property
    def pixels_per_cell(self) -> int:
        return LATENT_CELL if self.vae is None else self.vae.spacial_compression_encode()

    def showing(self, hint: Hint) -> IdentityNet:
        """As an IdentityNet. Raises ValueError unless the hint has an autoencoder that makes FLUX's latents."""
        if hint.vae is None:
            raise ValueError(
                "the connected control_net is InfiniteYou's InfuseNet, which sees the keypoints through FLUX's VAE. "
                "Connect it to 'vae'."
            )
        channels, wanted = getattr(hint.vae, "latent_channels", None), self._latents.latent_channels
        if channels != wanted:
            raise ValueError(
                f"the connected vae makes latents of {channels} channels, and InfiniteYou's InfuseNet reads {wanted}. Connect "
                "FLUX's VAE ('ae.safetensors')."
            )
        return super().showing(hint)

    def _told(self, cond: dict[str, Any], x_noisy: Tensor) -> dict[str, Any]:
        return {**cond, "guidance": torch.full((len(x_noisy),), GUIDANCE, device=x_noisy.device)}

    @property
    def _sizing(self) -> Sizing:
        return Sizing(self.pixels_per_cell, self.compression_ratio, self.upscale_algorithm, self._encoded)

    def _encoded(self, pictures: Tensor) -> Tensor:
        """Pictures (n, 3, H, W) as the model's latents; what the host had loaded is loaded again, as its own ControlNet does."""
        loaded = comfy.model_management.loaded_models(only_currently_used=True)
        vae: Any = self.vae
        latents: Tensor = vae.encode(self.preprocess_image(pictures).movedim(1, -1))
        comfy.model_management.load_models_gpu(loaded)
        return self._latents.process_in(latents)

    @property
    def _latents(self) -> Any:
        """How the host treats latents of FLUX."""
        return self.latent_format

    def _grid(self, residual: Tensor, x_noisy: Tensor) -> Grid:
        height, width = x_noisy.shape[-2:]
        return -(-height // PATCH), -(-width // PATCH)

    def _laid(self, factors: Tensor) -> Tensor:
        return rearrange(factors, "rows 1 h w -> rows (h w) 1")
