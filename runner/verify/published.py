"""Published networks twice, in float32: as the host loads a file, and as diffusers' model with the weights of that file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from oracles.controlnets import PUBLISHED as SDXL
from oracles.unets import FAMILIES, Family

from ..demo.examples.checkpoints import UNET

SPECS = {
    "sd15": replace(
        FAMILIES["sd15"],
        context_dim=768,
        diffusers={
            "block_out_channels": (320, 640, 1280, 1280),
            "attention_head_dim": 8,  # diffusers' name for the number of heads
            "cross_attention_dim": 768,
        },
    ),
    "sdxl": replace(
        FAMILIES["sdxl"],
        context_dim=2048,
        pooled_dim=1280,
        diffusers={**SDXL, "up_block_types": FAMILIES["sdxl"].diffusers["up_block_types"]},
    ),
}
"""What diffusers is told of each base model; the checkpoint's own widths must be these, or its weights do not load."""


def hosts(checkpoint: Path) -> Any:
    """The host's model of a checkpoint, computing in float32."""
    from comfy.sd import load_checkpoint_guess_config

    options = {"dtype": torch.float32}
    return load_checkpoint_guess_config(str(checkpoint), output_vae=False, output_clip=False, model_options=options)[0]


def diffusers(checkpoint: Path, spec: Family, device: torch.device) -> Any:
    """diffusers' UNet with the checkpoint's weights, in float32. Raises RuntimeError where they do not fit it."""
    from comfy.utils import load_torch_file, unet_to_diffusers
    from diffusers import UNet2DConditionModel

    named = unet_to_diffusers(spec.layout)
    with torch.device("meta"):
        unet = UNet2DConditionModel(**spec.diffusers)
    inside = load_torch_file(str(checkpoint), safe_load=True)
    wanted = {key: inside[f"{UNET}{named[key]}"].float() for key in unet.state_dict()}
    unet.load_state_dict(wanted, strict=True, assign=True)
    return unet.eval().requires_grad_(False).to(device)


def hosts_net(file: Path) -> Any:
    """The host's ControlNet."""
    from comfy.controlnet import load_controlnet

    return load_controlnet(str(file), model_options={"dtype": torch.float32})


def diffusers_net(file: Path, device: torch.device) -> Any:
    """diffusers' ControlNet of InstantID's configuration. Raises RuntimeError where the weights do not fit it."""
    from comfy.utils import load_torch_file
    from diffusers import ControlNetModel

    with torch.device("meta"):
        net = ControlNetModel(**SDXL)
    weights = {key: tensor.float() for key, tensor in load_torch_file(str(file), safe_load=True).items()}
    net.load_state_dict(weights, strict=True, assign=True)
    return net.eval().requires_grad_(False).to(device)
