"""Turns a kind of FLUX and a seed into the host's own models, narrow, with the published number of double blocks."""

from pathlib import Path

import comfy.latent_formats
import comfy.model_management as management
import comfy.ops
import comfy.sd
import comfy.supported_models
import comfy.supported_models_base
import comfy.taesd.taesd
import comfy.text_encoders.flux
import safetensors.torch
import torch
from comfy.controlnet import ControlNet
from comfy.ldm.flux.controlnet import ControlNetFlux
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from . import seeded
from .adapters import FACE, perceiver, projection_value
from .families import encoder_named
from .flux_kinds import ENCODER, LATENT, POOLED, TEXT, WIDTH, kind_named
from .models import centre_colours, patcher_class, text_config

SHARP = {"img_attn.qkv.weight": 1.5, "txt_attn.qkv.weight": 1.5, "q_proj.weight": 1.5, "k_proj.weight": 1.5}


def model(kind: str, seed: int, dtype: torch.dtype = torch.float32, disable_dynamic: bool = False) -> ModelPatcher:
    """A model with the published number of double blocks. The seed decides every weight."""
    row, device = kind_named(kind), management.get_torch_device()
    config = getattr(comfy.supported_models, row.config_class)(dict(row.config))
    config.set_inference_dtype(dtype, management.unet_manual_cast(dtype, device))
    made = config.get_model({})
    patcher = patcher_class(disable_dynamic)(made, device, management.unet_offload_device())
    tensors = {name: tensor.to(dtype) for name, tensor in seeded.values(made.diffusion_model, seed, SHARP).items()}
    seeded.fill(made.diffusion_model, tensors, assign=patcher.is_dynamic())
    patcher.cached_patcher_init = (model, (kind, seed, dtype))
    return patcher


def clip(seed: int, disable_dynamic: bool = False) -> comfy.sd.CLIP:
    """The host's two text encoders of FLUX, small, with the real tokenizers."""
    widths = {
        "t5xxl_model_config": {"d_model": TEXT, "d_ff": 2 * TEXT, "d_kv": 12, "num_heads": 4, "num_layers": 2},
        "clip_l_model_config": text_config(POOLED),
    }
    target = comfy.supported_models_base.ClipTarget(
        comfy.text_encoders.flux.FluxTokenizer, comfy.text_encoders.flux.flux_clip()
    )
    made = comfy.sd.CLIP(target, model_options=widths, disable_dynamic=disable_dynamic)
    network = made.cond_stage_model
    seeded.fill(network, seeded.values(network, seed, SHARP), assign=made.is_dynamic())
    made.patcher.cached_patcher_init = (clip_patcher, (seed,))
    return made


def clip_patcher(seed: int, disable_dynamic: bool = False) -> ModelPatcher:
    return clip(seed, disable_dynamic).patcher


def vae(seed: int) -> comfy.sd.VAE:
    """The tiny autoencoder of FLUX, of the published size."""
    network = comfy.taesd.taesd.TAESD(latent_channels=LATENT)
    tensors = seeded.values(network, seed, {"weight": 2**0.5})
    for name, tensor in tensors.items():
        if name.endswith("conv.4.weight"):
            tensor.mul_(0.3)  # the end of a residual branch: deeper blocks do not grow
    seeded.fill(network, tensors)
    centre_colours(network.taesd_decoder, seed, LATENT)
    made = comfy.sd.VAE(sd=network.state_dict())
    made.first_stage_model.requires_grad_(False)
    made.patcher.cached_patcher_init = (vae_patcher, (seed,))
    return made


def vae_patcher(seed: int, disable_dynamic: bool = False) -> ModelPatcher:
    return vae(seed).patcher


TOKENS, HIDDEN = 128, 64  # of InstantX's
VERSIONS = {"base": 4, "plus": 16}
"""Tokens of a picture: XLabs' first version is to its second what a base adapter is to a plus."""


def adapter_state_dict(variant: str, seed: int, width: int = WIDTH, blocks: int = 19) -> dict[str, Tensor]:
    """An adapter under XLabs' names, float32. At weight 1 the branch is about as large as what it is added to."""
    tokens = VERSIONS[variant]
    shapes = {
        "ip_adapter_proj_model.proj.weight": (tokens * TEXT, ENCODER),
        "ip_adapter_proj_model.proj.bias": (tokens * TEXT,),
        "ip_adapter_proj_model.norm.weight": (TEXT,),
        "ip_adapter_proj_model.norm.bias": (TEXT,),
    }
    for block in range(blocks):
        for part in "kv":
            name = f"double_blocks.{block}.processor.ip_adapter_double_stream_{part}_proj"
            shapes |= {f"{name}.weight": (width, TEXT), f"{name}.bias": (width,)}
    return {name: projection_value(seed, f"flux/{variant}/{name}", shape) for name, shape in shapes.items()}


def instantx_state_dict(seed: int, width: int = WIDTH, blocks: int = 57, tokens: int = TOKENS) -> dict[str, Tensor]:
    """An adapter under InstantX's names, float32."""
    features = encoder_named("siglip").hidden
    shapes = {
        "image_proj.proj.0.weight": (HIDDEN, features),
        "image_proj.proj.0.bias": (HIDDEN,),
        "image_proj.proj.2.weight": (tokens * TEXT, HIDDEN),
        "image_proj.proj.2.bias": (tokens * TEXT,),
        "image_proj.norm.weight": (TEXT,),
        "image_proj.norm.bias": (TEXT,),
    }
    for block in range(blocks):
        shapes |= {f"ip_adapter.{block}.to_{part}_ip.weight": (width, TEXT) for part in "kv"}
    return {name: projection_value(seed, f"flux/instantx/{name}", shape) for name, shape in shapes.items()}


def siglip_head(seed: int) -> dict[str, Tensor]:
    """The head of the miniature SigLIP under its published names, float32."""
    encoder = encoder_named("siglip")
    width, hidden = encoder.hidden, 2 * encoder.hidden
    shapes = {
        "probe": (1, 1, width),
        "attention.in_proj_weight": (3 * width, width),
        "attention.in_proj_bias": (3 * width,),
        "attention.out_proj.weight": (width, width),
        "attention.out_proj.bias": (width,),
        "layernorm.weight": (width,),
        "layernorm.bias": (width,),
        "mlp.fc1.weight": (hidden, width),
        "mlp.fc1.bias": (hidden,),
        "mlp.fc2.weight": (width, hidden),
        "mlp.fc2.bias": (width,),
    }
    return {f"vision_model.head.{name}": _head_value(seed, name, shape) for name, shape in shapes.items()}


def _head_value(seed: int, name: str, shape: tuple[int, ...]) -> Tensor:
    return (
        seeded.normal(seed, f"siglip/{name}", shape)
        if name == "probe"
        else projection_value(seed, f"siglip/{name}", shape)
    )


def infinite_you_state_dict(seed: int) -> dict[str, Tensor]:
    """InfiniteYou's adapter, which is a projection alone, float32."""
    shapes = {"latents": (1, 8, HIDDEN), **perceiver(HIDDEN, FACE, TEXT, heads=2)}
    names = {f"image_proj.{name}": shape for name, shape in shapes.items()}
    return {name: projection_value(seed, f"flux/infinite_you/{name}", shape) for name, shape in names.items()}


def infusenet(seed: int, dtype: torch.dtype = torch.float32) -> ControlNet:
    """InfiniteYou's net: the host's ControlNet for FLUX with the published number of blocks."""
    device = management.get_torch_device()
    cast = management.unet_manual_cast(dtype, device)
    config = {**kind_named("flux dev").config, "depth": 4, "depth_single_blocks": 10}
    operations = comfy.ops.pick_operations(dtype, cast)
    net = ControlNetFlux(
        latent_input=True, control_latent_channels=LATENT, dtype=dtype, operations=operations, **config
    )
    wrapped = ControlNet(
        net,
        compression_ratio=1,
        latent_format=comfy.latent_formats.Flux(),
        load_device=device,
        manual_cast_dtype=cast,
        extra_conds=["y", "guidance"],
    )
    tensors = {name: tensor.to(dtype) for name, tensor in seeded.values(net, seed, SHARP).items()}
    seeded.fill(net, tensors, assign=wrapped.control_model_wrapped.is_dynamic())
    return wrapped


STATES = {"instantx": instantx_state_dict, "infinite_you": infinite_you_state_dict}


def write_adapter(variant: str, seed: int, path: Path) -> None:
    made = STATES[variant](seed) if variant in STATES else adapter_state_dict(variant, seed)
    safetensors.torch.save_file(made, path)
