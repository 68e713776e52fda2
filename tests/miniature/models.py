"""Turns a family or kind and a seed into the host's own model objects, small and with random weights."""

from typing import Any

import comfy.cldm.cldm
import comfy.clip_vision
import comfy.controlnet
import comfy.model_management as management
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.sd1_clip
import comfy.sdxl_clip
import comfy.supported_models
import comfy.supported_models_base
import comfy.taesd.taesd
import torch
from comfy.clip_vision import ClipVisionModel
from comfy.controlnet import ControlNet
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from . import seeded
from .families import Family, encoder_named, family_named

LATENT = 4  # channels
OWN = 0.12  # what a UNet's random part adds to the noise it predicts; guidance multiplies it about fivefold

# An average over 77 or 257 near-equal attention weights would hide what is being attended to.
SHARP = {"q_proj.weight": 1.5, "k_proj.weight": 1.5}
TEXT = {**SHARP, "position_embedding.weight": 0.3}


def host_config(family: Family, dtype: torch.dtype) -> comfy.supported_models_base.BASE:
    """The host's description of a base model, with the miniature's widths."""
    published = getattr(comfy.supported_models, family.config_class)
    widths = {"unet_config": family.unet_config, "unet_extra_config": family.unet_extra_config}
    config = type(f"Miniature{family.config_class}", (published,), widths)(family.unet_config)
    config.set_inference_dtype(dtype, management.unet_manual_cast(dtype, management.get_torch_device()))
    return config


def unet(family: str, seed: int, dtype: torch.dtype = torch.float32, disable_dynamic: bool = False) -> ModelPatcher:
    """A base model with the published block layout: 16 cross-attentions for sd15, 70 for sdxl.

    The seed decides every weight. Sampling ends in latents of ordinary size because a quarter of the
    outermost channels hand the noisy latent through to the predicted noise.
    """
    offload = management.unet_offload_device()
    model = host_config(family_named(family), dtype).get_model({})
    patcher = patcher_class(disable_dynamic)(model, management.get_torch_device(), offload)
    tensors = seeded.values(model.diffusion_model, seed)
    hand_the_latent_through(tensors, f"output_blocks.{len(model.diffusion_model.output_blocks) - 1}")
    tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    seeded.fill(model.diffusion_model, tensors, assign=patcher.is_dynamic())
    patcher.cached_patcher_init = (unet, (family, seed, dtype))
    return patcher


def patcher_class(disable_dynamic: bool) -> type[ModelPatcher]:
    return ModelPatcher if disable_dynamic else comfy.model_patcher.CoreModelPatcher


def hand_the_latent_through(tensors: dict[str, Tensor], last: str) -> None:
    """Make a UNet predict x plus a little of its own for the noise in x, in place, by its weights alone.

    The outermost skip connection carries x and -x in channels that nothing else writes to; the last
    block keeps them, and silu(x) - silu(-x) = x undoes the final activation.
    """
    both = torch.cat([torch.eye(LATENT), -torch.eye(LATENT)])  # (8, 4)
    carried = 2 * LATENT
    width = tensors["out.0.weight"].shape[0]

    def clear(name: str) -> None:
        if name in tensors:
            tensors[name][:carried] = 0

    for name in (
        "input_blocks.0.0",
        f"{last}.0.out_layers.3",
        f"{last}.0.skip_connection",
        f"{last}.1.proj_out",
    ):
        clear(f"{name}.weight")
        clear(f"{name}.bias")
    tensors["input_blocks.0.0.weight"][:carried, :, 1, 1] = both
    tensors[f"{last}.0.skip_connection.weight"][:carried, -width : carried - width, 0, 0] = torch.eye(carried)
    tensors["out.0.weight"][:carried] = 1
    tensors["out.0.bias"][:carried] = 0
    tensors["out.2.weight"].mul_(OWN)
    tensors["out.2.weight"][:, :carried] = 0
    tensors["out.2.weight"][:, :carried, 1, 1] = both.T


def text_config(width: int) -> dict[str, int]:
    return {
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_attention_heads": width // 16,
        "num_hidden_layers": 3,
    }


def clip(family: str, seed: int, disable_dynamic: bool = False) -> comfy.sd.CLIP:
    """The text encoder of a family, with the real tokenizer."""
    base = family_named(family)
    target = {
        "sd15": (comfy.sd1_clip.SD1Tokenizer, comfy.sd1_clip.SD1ClipModel),
        "sdxl": (comfy.sdxl_clip.SDXLTokenizer, comfy.sdxl_clip.SDXLClipModel),
    }[family]
    widths = {f"{name}_model_config": text_config(width) for name, width in base.text.items()}
    model = comfy.sd.CLIP(
        comfy.supported_models_base.ClipTarget(*target), model_options=widths, disable_dynamic=disable_dynamic
    )
    network = model.cond_stage_model
    seeded.fill(network, seeded.values(network, seed, TEXT), assign=model.is_dynamic())
    model.patcher.cached_patcher_init = (clip_patcher, (family, seed))
    return model


def clip_patcher(family: str, seed: int, disable_dynamic: bool = False) -> ModelPatcher:
    return clip(family, seed, disable_dynamic).patcher


def vae(seed: int, family: str = "sd15") -> comfy.sd.VAE:
    """A TAESD autoencoder of the published size; `family` sets the scale of the latents it reads."""
    network = comfy.taesd.taesd.TAESD(latent_channels=LATENT)
    tensors = seeded.values(network, seed, {"weight": 2**0.5})
    for name, tensor in tensors.items():
        if name.endswith("conv.4.weight"):
            tensor.mul_(0.3)  # the end of a residual branch: deeper blocks do not grow
    seeded.fill(network, tensors)
    centre_colours(network.taesd_decoder, seed)
    tensors = network.state_dict()
    tensors["vae_scale"] = torch.tensor(family_named(family).latent_scale)
    model = comfy.sd.VAE(sd=tensors)
    model.first_stage_model.requires_grad_(False)
    model.patcher.cached_patcher_init = (vae_patcher, (seed, family))
    return model


def centre_colours(decoder: torch.nn.Sequential, seed: int, channels: int = LATENT) -> None:
    """Bring the colours of a typical latent to mean 0.5 and deviation 0.15, in place: few are clipped."""
    colours = decoder(seeded.normal(seed, "typical latent", (1, channels, 16, 16)))[0].flatten(1)
    # Rounded, so that the last bits of this pass do not reach the weights.
    gain = (0.15 / colours.std(dim=1)).to(torch.bfloat16).float()
    mean = colours.mean(dim=1).to(torch.bfloat16).float()
    decoder[-1].weight.mul_(gain[:, None, None, None])
    decoder[-1].bias.sub_(mean).mul_(gain).add_(0.5)


def vae_patcher(seed: int, family: str, disable_dynamic: bool = False) -> ModelPatcher:
    return vae(seed, family).patcher


def vision_config(kind: str) -> dict[str, Any]:
    """The host's JSON configuration of an encoder, with the miniature's widths."""
    encoder = encoder_named(kind)
    siglip = {"model_type": "siglip_vision_model", "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    own = siglip if encoder.pools_by_head else {"model_type": "clip_vision_model", "projection_dim": encoder.projection}
    return {
        **own,
        "hidden_act": encoder.activation,
        "hidden_size": encoder.hidden,
        "image_size": encoder.picture,
        "intermediate_size": 2 * encoder.hidden,
        "layer_norm_eps": 1e-05,
        "num_attention_heads": encoder.hidden // 16,
        "num_channels": 3,
        "num_hidden_layers": encoder.layers,
        "patch_size": 14,
    }


def clip_vision(kind: str, seed: int) -> ClipVisionModel:
    """An image encoder: 257 tokens of 224 pixels, or 577 of 336 for vit_l_336; of siglip without its head."""
    model = ClipVisionModel(vision_config(kind))
    seeded.fill(model.model, seeded.values(model.model, seed, SHARP), assign=model.patcher.is_dynamic())
    return model


# Each SiLU of the hint's encoder takes half of what passes; without a gain eight layers leave nothing of a sparse drawing.
HINT_GAINS = {f"input_hint_block.{layer}.weight": 2.0 for layer in range(0, 16, 2)}


def controlnet(seed: int, family: str = "sdxl", dtype: torch.dtype = torch.float32) -> ControlNet:
    """A ControlNet with the encoder layout of a family's UNet: IdentityNet's, for sdxl."""
    device = management.get_torch_device()
    cast = management.unet_manual_cast(dtype, device)
    config = dict(host_config(family_named(family), dtype).unet_config)
    del config["out_channels"]
    operations = comfy.ops.pick_operations(dtype, cast)
    net = comfy.cldm.cldm.ControlNet(**config, hint_channels=3, operations=operations)
    wrapped = ControlNet(net, load_device=device, manual_cast_dtype=cast)
    tensors = seeded.values(net, seed, HINT_GAINS)
    for name in ("zero_convs.0.0.weight", "zero_convs.0.0.bias"):
        tensors[name][: 2 * LATENT] = 0  # the channels in which the UNet hands the noisy latent through
    tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    seeded.fill(net, tensors, assign=wrapped.control_model_wrapped.is_dynamic())
    return wrapped
