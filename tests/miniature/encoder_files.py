"""Miniature image encoders as files, and ComfyUI's loader taught to open them."""

from pathlib import Path
from typing import Any

import comfy.clip_vision
import safetensors.torch
import torch
from comfy.clip_vision import ClipVisionModel

from . import models
from .families import ENCODERS
from .flux import siglip_head

WIDTH = "vision_model.post_layernorm.weight"


def write(kind: str, seed: int, path: Path) -> None:
    """An encoder with the keys of a published one, in half precision; SigLIP's with its head."""
    tensors = models.clip_vision(kind, seed).model.state_dict()
    if ENCODERS[kind].pools_by_head:
        tensors |= siglip_head(seed)
    half = {name: tensor.to(torch.float16).contiguous() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(half, path)


def teach_the_host() -> None:
    """Let ComfyUI's loader open our files: it knows encoders by their number of layers, and ours have fewer."""
    theirs = comfy.clip_vision.load_clipvision_from_sd

    def load(tensors: dict[str, torch.Tensor], *more: Any, **options: Any) -> ClipVisionModel | None:
        return theirs(tensors, *more, **options) or opened(tensors)

    comfy.clip_vision.load_clipvision_from_sd = load


def opened(tensors: dict[str, torch.Tensor]) -> ClipVisionModel | None:
    width = tensors[WIDTH].shape[0] if WIDTH in tensors else 0
    kind = next((name for name, encoder in ENCODERS.items() if encoder.hidden == width), None)
    if kind is None:
        return None
    model = ClipVisionModel(models.vision_config(kind))
    model.load_sd(tensors)
    return model
