"""Trained weights -> the layouts in which adapters and IdentityNets are published, with what they were made from."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import comfy.utils
import safetensors.torch
import torch
from torch import Tensor

from ..adapter.checkpoint import Checkpoint
from ..files.made_by import MAKER, pack_version

Weights = Mapping[str, Tensor]
ADAPTER = "adapter."
IDENTITYNET = "identitynet."


def checkpoint_of(weights: Weights, name: str) -> Checkpoint:
    """A trainee's weights as the adapter file that they will be."""
    own = {key.removeprefix(ADAPTER): tensor for key, tensor in weights.items() if key.startswith(ADAPTER)}

    def layers_of(part: str) -> dict[int, Tensor]:
        return {int(key.split(".")[1]): tensor for key, tensor in own.items() if key.startswith(f"{part}.")}

    projection = {
        key.removeprefix("projection."): tensor for key, tensor in own.items() if key.startswith("projection.")
    }
    return Checkpoint(Path(name), 0, projection, layers_of("to_k"), layers_of("to_v"), {})


def adapter_tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The flat names of a published `.safetensors`: `image_proj.` and `ip_adapter.`."""
    named = {f"image_proj.{name}": tensor for name, tensor in checkpoint.projection.items()}
    for index in checkpoint.keys:
        named[f"ip_adapter.{index}.to_k_ip.weight"] = checkpoint.keys[index]
        named[f"ip_adapter.{index}.to_v_ip.weight"] = checkpoint.values[index]
    return named


def identitynet_tensors(weights: Weights, unet_config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The names of diffusers' ControlNetModel, in which IdentityNet is published."""
    own = {key.removeprefix(IDENTITYNET): tensor for key, tensor in weights.items() if key.startswith(IDENTITYNET)}
    return {name: own[host] for host, name in identitynet_names(own, unet_config).items()}


def identitynet_names(hosts: Collection[str], unet_config: Mapping[str, Any]) -> dict[str, str]:
    """The host's name of each weight of a net with the encoder of this UNet -> diffusers' name."""
    names = comfy.utils.unet_to_diffusers(dict(unet_config))
    # Its table has two names for the embedding of SDXL's sizes; diffusers' models of that family use the other.
    published = {host: name for name, host in names.items() if not name.startswith("class_embedding.")}
    return {name: _published_name(name, published, hosts) for name in hosts}


def _published_name(name: str, unet: Mapping[str, str], own: Collection[str]) -> str:
    if name in unet:
        return unet[name]
    part, *between, last = name.split(".")
    if part == "zero_convs":
        return f"controlnet_down_blocks.{between[0]}.{last}"
    if part == "middle_block_out":
        return f"controlnet_mid_block.{last}"
    if part == "input_hint_block":
        # Convolutions stand at even places, activations between them.
        number, end = int(between[0]) // 2, max(int(key.split(".")[1]) for key in own if key.startswith(part)) // 2
        where = "conv_in" if number == 0 else "conv_out" if number == end else f"blocks.{number - 1}"
        return f"controlnet_cond_embedding.{where}.{last}"
    raise ValueError(f"diffusers has no name for the weight '{name}'.")


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A file to write: its place, its tensors by name, and what its header tells as text."""

    path: Path
    tensors: Weights
    told: Mapping[str, object]


def save_together(files: Sequence[ModelFile], dtype: torch.dtype = torch.float16) -> None:
    """Write safetensors files, each whole; none appears before all of them are on the disk."""
    parts = [file.path.with_name(f"{file.path.name}.{uuid4().hex}.part") for file in files]
    try:
        for file, part in zip(files, parts, strict=True):
            file.path.parent.mkdir(parents=True, exist_ok=True)
            kept = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in file.tensors.items()}
            safetensors.torch.save_file(kept, part, metadata=_header(file.told))
        for file, part in zip(files, parts, strict=True):
            os.replace(part, file.path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _header(told: Mapping[str, object]) -> dict[str, str]:
    header = {"format": "pt", "made_by": f"{MAKER} {pack_version()}"}
    return header | {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}
