"""Brings image tokens of the text's own width to the width that the layers read, by the model's own projection.

Kolors' network takes text that is wider than its layers read and projects it first. Adapters whose image tokens stand
beside that text, as those of Kolors' FaceID do, go through the same projection, its bias included.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from .this_clone import parameter_of

TEXT_PROJECTION = "encoder_hid_proj"


def text_projection_of(network: nn.Module) -> nn.Linear | None:
    """The projection of a network that takes its text wider than its layers read it; None for every other network."""
    found = getattr(network, TEXT_PROJECTION, None)
    return found if isinstance(found, nn.Linear) else None


def projected(model: ModelPatcher, projection: nn.Linear, tokens: Tensor, device: torch.device) -> Tensor:
    """Tokens (n, T, text's width) as the layers of this clone read them, (n, T, C), float32, on `device`."""
    weight = _of_this_clone(model, projection, "weight", device)
    bias = _of_this_clone(model, projection, "bias", device) if "bias" in dict(projection.named_parameters()) else None
    return F.linear(tokens.to(device, torch.float32), weight, bias)


def _of_this_clone(model: ModelPatcher, projection: nn.Linear, name: str, device: torch.device) -> Tensor:
    """A parameter in float32, with the LoRAs of this clone and of no other, whoever has put it on a GPU last."""
    return parameter_of(model, getattr(projection, name), f"diffusion_model.{TEXT_PROJECTION}.{name}", device)
