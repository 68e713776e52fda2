"""The world's files: what was trained, in half precision, and how each is read back."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
from torch import Tensor

WEIGHTS = Path(__file__).resolve().parent / "weights"
AUTOENCODER, BASE = "autoencoder.safetensors", "base.safetensors"
ENCODER, RECOGNISER = "encoder.safetensors", "recogniser.safetensors"
IP_ADAPTER, INSTANTID, IDENTITYNET = (
    "world_base.safetensors",
    "world_instantid.safetensors",
    "world_identitynet.safetensors",
)


def tensors(name: str, folder: Path = WEIGHTS) -> dict[str, Tensor]:
    """A file's weights in float32."""
    return {key: tensor.float() for key, tensor in safetensors.torch.load_file(folder / name).items()}


def keep(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write weights in half precision."""
    safetensors.torch.save_file({name: tensor.contiguous().half() for name, tensor in tensors.items()}, path)
