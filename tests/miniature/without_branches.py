"""Turns a kind of transformer that no branch of ours acts in and a seed into the host's own model, narrow, with the published number of blocks."""

import comfy.model_management as management
import comfy.supported_models
import torch
from comfy.model_patcher import ModelPatcher

from . import seeded
from .models import patcher_class
from .without_branches_kinds import kind_named


def model(kind: str, seed: int, dtype: torch.dtype = torch.float32, disable_dynamic: bool = False) -> ModelPatcher:
    """A model with the published number of blocks. The seed decides every weight."""
    row, device = kind_named(kind), management.get_torch_device()
    config = getattr(comfy.supported_models, row.config_class)(dict(row.config))
    config.set_inference_dtype(dtype, management.unet_manual_cast(dtype, device))
    made = config.get_model({})
    patcher = patcher_class(disable_dynamic)(made, device, management.unet_offload_device())
    network = made.diffusion_model
    tensors = {name: tensor.to(dtype) for name, tensor in seeded.values(network, seed).items()}
    seeded.fill(network, tensors, assign=patcher.is_dynamic())
    patcher.cached_patcher_init = (model, (kind, seed, dtype))
    return patcher
