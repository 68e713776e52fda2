"""Turns a kind of SD3 and a seed into the host's own models, narrow, with the published number of blocks."""

from pathlib import Path

import comfy.model_management as management
import comfy.sd
import comfy.supported_models
import comfy.supported_models_base
import comfy.text_encoders.sd3_clip
import safetensors.torch
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from . import seeded
from .adapters import projection_value
from .families import encoder_named
from .models import patcher_class
from .sd3_kinds import HEAD, TEXT, WIDTH, kind_named

SHARP = {"x_block.attn.qkv.weight": 1.5, "context_block.attn.qkv.weight": 1.5}


def model(kind: str, seed: int, dtype: torch.dtype = torch.float32, disable_dynamic: bool = False) -> ModelPatcher:
    """A model with the published number of blocks. The seed decides every weight."""
    config, device = comfy.supported_models.SD3(dict(kind_named(kind))), management.get_torch_device()
    config.set_inference_dtype(dtype, management.unet_manual_cast(dtype, device))
    made = config.get_model({})
    patcher = patcher_class(disable_dynamic)(made, device, management.unet_offload_device())
    network = made.diffusion_model
    tensors = {name: tensor.to(dtype) for name, tensor in seeded.values(network, seed, SHARP).items()}
    # A table of the file, which the host leaves empty until then.
    tensors["pos_embed"] = seeded.normal(seed, "pos_embed", network.pos_embed.shape, std=0.5).to(dtype)
    seeded.fill(network, tensors, assign=patcher.is_dynamic())
    patcher.cached_patcher_init = (model, (kind, seed, dtype))
    return patcher


def clip(seed: int, disable_dynamic: bool = False) -> comfy.sd.CLIP:
    """The host's T5 of SD3, small, with the real tokenizers; its two CLIPs may be left out of a file."""
    widths = {"t5xxl_model_config": {"d_model": TEXT, "d_ff": 2 * TEXT, "d_kv": 12, "num_heads": 4, "num_layers": 2}}
    target = comfy.supported_models_base.ClipTarget(
        comfy.text_encoders.sd3_clip.SD3Tokenizer, comfy.text_encoders.sd3_clip.sd3_clip(clip_l=False, clip_g=False)
    )
    made = comfy.sd.CLIP(target, model_options=widths, disable_dynamic=disable_dynamic)
    network = made.cond_stage_model
    seeded.fill(network, seeded.values(network, seed), assign=made.is_dynamic())
    made.patcher.cached_patcher_init = (clip_patcher, (seed,))
    return made


def clip_patcher(seed: int, disable_dynamic: bool = False) -> ModelPatcher:
    return clip(seed, disable_dynamic).patcher


HIDDEN, WAVES, DEPTH = 64, 32, 2  # of the adapter: 1280, 320 and 4 as published
VERSIONS = {"base": 8, "plus": 12}
"""Tokens of a picture, 64 as published: there is one adapter, of which tests need two kinds."""


def adapter_state_dict(variant: str, seed: int, blocks: int = 38) -> dict[str, Tensor]:
    """An adapter under InstantX's names, float32."""
    shapes: dict[str, tuple[int, ...]] = {
        "image_proj.latents": (1, VERSIONS[variant], HIDDEN),
        "image_proj.proj_in.weight": (HIDDEN, encoder_named("siglip").hidden),
        "image_proj.proj_in.bias": (HIDDEN,),
        "image_proj.proj_out.weight": (WIDTH, HIDDEN),
        "image_proj.proj_out.bias": (WIDTH,),
        "image_proj.norm_out.weight": (WIDTH,),
        "image_proj.norm_out.bias": (WIDTH,),
        "image_proj.time_embedding.linear_1.weight": (HIDDEN, WAVES),
        "image_proj.time_embedding.linear_1.bias": (HIDDEN,),
        "image_proj.time_embedding.linear_2.weight": (HIDDEN, HIDDEN),
        "image_proj.time_embedding.linear_2.bias": (HIDDEN,),
    }
    for layer in range(DEPTH):
        name = f"image_proj.layers.{layer}"
        for norm in ("0.norm1", "0.norm2", "1.0"):
            shapes |= {f"{name}.{norm}.{leaf}": (HIDDEN,) for leaf in ("weight", "bias")}
        shapes |= {
            f"{name}.0.to_q.weight": (HIDDEN, HIDDEN),
            f"{name}.0.to_kv.weight": (2 * HIDDEN, HIDDEN),
            f"{name}.0.to_out.weight": (HIDDEN, HIDDEN),
            f"{name}.1.1.weight": (4 * HIDDEN, HIDDEN),
            f"{name}.1.3.weight": (HIDDEN, 4 * HIDDEN),
            f"{name}.2.1.weight": (4 * HIDDEN, HIDDEN),
            f"{name}.2.1.bias": (4 * HIDDEN,),
        }
    for block in range(blocks):
        name = f"ip_adapter.{block}"
        shapes |= {
            f"{name}.norm_ip.linear.weight": (2 * WIDTH, HIDDEN),
            f"{name}.norm_ip.linear.bias": (2 * WIDTH,),
            f"{name}.to_k_ip.weight": (WIDTH, WIDTH),
            f"{name}.to_v_ip.weight": (WIDTH, WIDTH),
            **{f"{name}.{norm}.weight": (HEAD,) for norm in ("norm_q", "norm_k", "norm_ip_k")},
        }
    return {name: projection_value(seed, f"sd3/{variant}/{name}", shape) for name, shape in shapes.items()}


def write_adapter(variant: str, seed: int, path: Path) -> None:
    safetensors.torch.save_file(adapter_state_dict(variant, seed), path)
