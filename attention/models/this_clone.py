"""Reads a weight of a model as one clone of it has it, whichever clone was used last."""

from __future__ import annotations

import comfy.lora
import comfy.model_management
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor


def parameter_of(model: ModelPatcher, parameter: Tensor, key: str, device: torch.device) -> Tensor:
    """A parameter of the network, `key` in the host's patches, in float32, with the LoRAs of this clone and of no other."""
    backup = model.backup.get(key)
    own: Tensor = parameter if backup is None else backup.weight
    weight = comfy.model_management.cast_to_device(own, device, torch.float32, copy=True)
    return comfy.lora.calculate_weight(model.patches[key], weight, key) if key in model.patches else weight
