"""The same seeded ControlNet as diffusers' model and as the host's, and what each gives for both halves."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor, nn

from .packages import reference
from .seeds import fill, normal
from .steps import TIMESTEP, Inputs, size_ids
from .unets import FAMILIES, Family, Twin, twin

ControlNetModel = reference("diffusers").ControlNetModel
comfy_cldm = reference("comfy.cldm.cldm")
comfy_controlnet = reference("comfy.controlnet")
comfy_utils = reference("comfy.utils")
model_management = reference("comfy.model_management")

Residuals = list[Tensor]
"""Of one half: the skips from the outermost inwards, then the middle."""

PUBLISHED = MappingProxyType(
    {
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    }
)
"""The configuration that InstantID published IdentityNet with."""


@dataclass(frozen=True)
class ControlTwin:
    """One set of weights, twice. Treat both as read-only."""

    model: nn.Module
    control_net: object  # what the host's loader puts on its wire


@cache
def control_twin(seed: int = 0, family: str = "sdxl") -> ControlTwin:
    """A small ControlNet for the small UNet of a family, made once in a process."""
    spec = FAMILIES[family]
    arguments = {name: value for name, value in spec.diffusers.items() if name != "up_block_types"}
    model = fill(ControlNetModel(**arguments), "controlnet", family, seed)
    return ControlTwin(model, host_controlnet(spec, model))


def host_names(layout: dict, keys: list[str]) -> dict[str, str]:
    """diffusers' name of each tensor of a ControlNet -> the host's (as in its loader, for any width)."""
    names = dict(comfy_utils.unet_to_diffusers(layout))
    hint = sorted({key.split(".")[2] for key in keys if key.startswith("controlnet_cond_embedding.blocks.")}, key=int)
    stages = ["conv_in", *(f"blocks.{number}" for number in hint), "conv_out"]
    for kind in ("weight", "bias"):
        names[f"controlnet_mid_block.{kind}"] = f"middle_block_out.0.{kind}"
        for place, stage in enumerate(stages):
            names[f"controlnet_cond_embedding.{stage}.{kind}"] = f"input_hint_block.{2 * place}.{kind}"
    for key in keys:
        if key.startswith("controlnet_down_blocks."):
            _, number, kind = key.split(".")
            names[key] = f"zero_convs.{number}.0.{kind}"
    return {key: names[key] for key in keys}


def host_controlnet(spec: Family, model: nn.Module) -> object:
    """The host's ControlNet of its own classes with the weights of a diffusers one."""
    config = dict(twin(spec.name).patcher.model.model_config.unet_config)
    for name in ("out_channels", "device"):
        config.pop(name, None)
    network = comfy_cldm.ControlNet(**config, hint_channels=3)
    weights = model.state_dict()
    names = host_names(spec.layout, list(weights))
    network.load_state_dict({names[key]: tensor.clone() for key, tensor in weights.items()}, strict=True)
    network.eval().requires_grad_(False)
    return comfy_controlnet.ControlNet(network, load_device=model_management.get_torch_device())


def keypoint_picture(given: Inputs, seed: int = 0) -> Tensor:
    """A seeded picture (1, H, W, 3), 0..1, eight times as large as the latent."""
    height, width = (8 * side for side in given.latent.shape[-2:])
    return normal(1, height, width, 3, key=("hint", seed, height, width)).sigmoid()


@torch.no_grad()
def diffusers_residuals(
    both: ControlTwin, given: Inputs, tokens: Tensor, picture: Tensor, strength: float
) -> tuple[Residuals, Residuals]:
    """What diffusers' ControlNet adds in the negative and in the positive half; `tokens` (2, T, C), negative first."""
    down, middle = both.model(
        given.latent.repeat(2, 1, 1, 1),
        torch.tensor(TIMESTEP),
        encoder_hidden_states=tokens,
        controlnet_cond=picture.movedim(-1, 1).repeat(2, 1, 1, 1),
        conditioning_scale=strength,
        added_cond_kwargs={
            "text_embeds": torch.cat([given.pooled_negative, given.pooled_positive]),
            "time_ids": size_ids(given),
        },
        return_dict=False,
    )
    negative, positive = zip(*(residual.split(1) for residual in (*down, middle)), strict=True)
    return list(negative), list(positive)


def mask_of_the_reference(residuals: Residuals, mask: Tensor) -> Residuals:
    """InstantID's 'enhance non-face region' (its full pipeline): mask (H, W), bilinear at 1/8, 1/16 and 1/32.

    The three residuals of each resolution and the middle are multiplied by the mask of that resolution.
    """
    height, width = mask.shape
    scales = [8, 8, 8, 16, 16, 16, 32, 32, 32, 32]
    masks = (
        nn.functional.interpolate(mask[None, None], (height // scale, width // scale), mode="bilinear")
        for scale in scales
    )
    return [residual * each for residual, each in zip(residuals, masks, strict=True)]


@torch.no_grad()
def diffusers_controlled_step(unets: Twin, given: Inputs, image_embeds, residuals: tuple[Residuals, Residuals]):
    """A step of the diffusers UNet as it is now, with residuals added: (negative, positive) predicted noise."""
    *down, middle = (torch.cat(pair) for pair in zip(*residuals, strict=True))
    added = {
        "text_embeds": torch.cat([given.pooled_negative, given.pooled_positive]),
        "time_ids": size_ids(given),
    }
    if image_embeds is not None:
        added["image_embeds"] = image_embeds
    return unets.unet(
        given.latent.repeat(2, 1, 1, 1),
        torch.tensor(TIMESTEP),
        encoder_hidden_states=torch.cat([given.negative, given.positive]),
        added_cond_kwargs=added,
        down_block_additional_residuals=tuple(down),
        mid_block_additional_residual=middle,
    ).sample.split(1)
