"""Miniature image encoders as files, and ComfyUI's loader taught to open them."""

from pathlib import Path

import comfy.clip_vision
import comfy.utils
import safetensors.torch
import torch
from comfy.clip_vision import ClipVisionModel

from . import models
from .families import ENCODERS

WIDTH = "vision_model.post_layernorm.weight"


def write(kind: str, seed: int, path: Path) -> None:
    """An encoder with the keys of a published one, in half precision."""
    tensors = models.clip_vision(kind, seed).model.state_dict()
    half = {name: tensor.to(torch.float16).contiguous() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(half, path)


def teach_the_host() -> None:
    """Let ComfyUI's loader open our files: it knows encoders by their number of layers, and ours have fewer."""
    theirs = comfy.clip_vision.load

    def load(path: str) -> ClipVisionModel | None:
        return theirs(path) or _opened(path)

    comfy.clip_vision.load = load


def _opened(path: str) -> ClipVisionModel | None:
    tensors = comfy.utils.load_torch_file(path, safe_load=True)
    width = tensors[WIDTH].shape[0] if WIDTH in tensors else 0
    kind = next((name for name, encoder in ENCODERS.items() if encoder.hidden == width), None)
    if kind is None:
        return None
    model = ClipVisionModel(models.vision_config(kind))
    model.load_sd(tensors)
    return model
