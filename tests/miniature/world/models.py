"""The world's models as the host's own objects: trained ones from their files, frozen random ones from their seeds."""

from __future__ import annotations

from pathlib import Path

import comfy.cldm.cldm
import comfy.model_management as management
import comfy.ops
import comfy.sd
import comfy.utils
import torch
from comfy.clip_vision import ClipVisionModel
from comfy.controlnet import ControlNet
from comfy.model_patcher import ModelPatcher

from .. import models, seeded
from . import files
from .layout import TEXT_SEED, VISION, WORLD


def unet(folder: Path = files.WEIGHTS, disable_dynamic: bool = False) -> ModelPatcher:
    """The base model."""
    model = models.host_config(WORLD, torch.float32).get_model({})
    patcher = models.patcher_class(disable_dynamic)(
        model, management.get_torch_device(), management.unet_offload_device()
    )
    seeded.fill(model.diffusion_model, files.tensors(files.BASE, folder), assign=patcher.is_dynamic())
    patcher.cached_patcher_init = (unet, (folder,))
    return patcher


def vae(folder: Path = files.WEIGHTS) -> comfy.sd.VAE:
    """The autoencoder."""
    model = comfy.sd.VAE(sd=files.tensors(files.AUTOENCODER, folder))
    model.first_stage_model.requires_grad_(False)
    model.patcher.cached_patcher_init = (vae_patcher, (folder,))
    return model


def vae_patcher(folder: Path, disable_dynamic: bool = False) -> ModelPatcher:
    return vae(folder).patcher


def clip() -> comfy.sd.CLIP:
    """The text encoder: random, frozen."""
    return models.clip("sdxl", TEXT_SEED)


def clip_vision(folder: Path = files.WEIGHTS) -> ClipVisionModel:
    """The image encoder, which learned to tell what pictures of shapes show."""
    model = ClipVisionModel(models.vision_config(VISION))
    seeded.fill(model.model, files.tensors(files.ENCODER, folder), assign=model.patcher.is_dynamic())
    return model


def identitynet(folder: Path = files.WEIGHTS) -> ControlNet:
    """The trained IdentityNet."""
    config = {name: value for name, value in WORLD.unet_config.items() if name != "out_channels"}
    device = management.get_torch_device()
    net = comfy.cldm.cldm.ControlNet(
        **config, **WORLD.unet_extra_config, hint_channels=3, operations=comfy.ops.disable_weight_init
    )
    wrapped = ControlNet(net, load_device=device, manual_cast_dtype=None)
    seeded.fill(net, files.tensors(files.IDENTITYNET, folder), assign=wrapped.control_model_wrapped.is_dynamic())
    return wrapped
