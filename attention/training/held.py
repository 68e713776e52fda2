"""A frozen model -> the same model with its weights in the precision that it computes in."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.ops
import torch
from comfy.model_patcher import ModelPatcher
from torch import nn

from .room import free_memory

PLAIN = frozenset((torch.float16, torch.bfloat16, torch.float32))
"""Types of weights that a cast turns into numbers by itself; packed ones are unpacked by their own layers."""
_OWNERS = ("disable_weight_init", "manual_cast")
SPARE = 1 << 30  # bytes that must be left where a cast makes the weights larger


def can_hold(patcher: ModelPatcher, dtype: torch.dtype, ample: bool) -> bool:
    """Whether the weights of a model's UNet can be cast for good: no layer casts them in a way of its own, and they fit.

    `ample`: they must leave as much room as they take.
    """
    unet: nn.Module = patcher.model.diffusion_model
    if not all(_is_plain(module) for module in unet.modules()):
        return False
    free = free_memory(patcher.load_device)
    before, after = (
        sum(w.numel() * size(w) for w in unet.parameters()) for size in (_size_of, lambda _: dtype.itemsize)
    )
    return (after <= before or after <= free - SPARE) and (not ample or 2 * after <= free)


def hold(patcher: ModelPatcher, dtype: torch.dtype) -> None:
    """Cast the weights of a loaded model's UNet for good, in place, with what patches made of them.

    The model is then as if its file had been like that: no layer casts, nothing is patched. Every layer had cast each
    weight in the same way whenever it ran.
    """
    unet: Any = patcher.model.diffusion_model
    unet.to(dtype)
    unet.dtype = dtype
    for module in unet.modules():
        if isinstance(module, comfy.ops.CastWeightBiasOp):
            module.comfy_cast_weights = False
    comfy.model_management.archive_model_dtypes(unet)
    patcher.patches = {}
    patcher.backup.clear()
    patcher.object_patches.pop("manual_cast_dtype", None)
    patcher.object_patches_backup.pop("manual_cast_dtype", None)
    patcher.model.manual_cast_dtype = None
    patcher.force_cast_weights = False
    patcher.size = 0  # measured again
    patcher.model.model_loaded_weight_memory = patcher.model_size()


def _is_plain(module: nn.Module) -> bool:
    if isinstance(module, comfy.ops.CastWeightBiasOp) and type(module).__qualname__.split(".")[0] not in _OWNERS:
        return False
    own = (*module.parameters(recurse=False), *module.buffers(recurse=False))
    return all(type(tensor.data) is torch.Tensor and tensor.dtype in PLAIN and not tensor.is_meta for tensor in own)


def _size_of(weight: torch.Tensor) -> int:
    return weight.element_size()
