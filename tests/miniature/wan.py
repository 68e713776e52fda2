"""Turns a kind of Wan and a seed into the host's own video models, narrow, with the published number of blocks."""

import io
from functools import cache

import comfy.model_management as management
import comfy.sd
import comfy.supported_models
import comfy.supported_models_base
import comfy.taesd.taehv
import comfy.text_encoders.wan
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from . import seeded
from .models import patcher_class
from .wan_kinds import LATENT, TEXT, config_of, kind_named


def model(kind: str, seed: int, dtype: torch.dtype = torch.float32, disable_dynamic: bool = False) -> ModelPatcher:
    """A video model with the published number of blocks. The seed decides every weight."""
    row, device = kind_named(kind), management.get_torch_device()
    config = getattr(comfy.supported_models, row.config_class)(config_of(row))
    config.set_inference_dtype(dtype, management.unet_manual_cast(dtype, device))
    made = config.get_model({})
    patcher = patcher_class(disable_dynamic)(made, device, management.unet_offload_device())
    tensors = {name: tensor.to(dtype) for name, tensor in seeded.values(made.diffusion_model, seed).items()}
    seeded.fill(made.diffusion_model, tensors, assign=patcher.is_dynamic())
    patcher.cached_patcher_init = (model, (kind, seed, dtype))
    return patcher


@cache
def tokenizer_file() -> Tensor:
    """A SentencePiece model of single letters: the real one has 256384 pieces, and comes with the weights."""
    import sentencepiece

    letters = "abcdefghijklmnopqrstuvwxyz ,.-"
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([letters] * 8),
        model_writer=written,
        model_type="char",
        vocab_size=len(letters) + 3,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return torch.frombuffer(bytearray(written.getvalue()), dtype=torch.uint8)


def clip(seed: int, disable_dynamic: bool = False) -> comfy.sd.CLIP:
    """The host's UMT5 encoder, two layers of it, with a tokenizer of letters."""
    widths = {"d_model": TEXT, "d_ff": 2 * TEXT, "d_kv": 12, "num_heads": 4, "num_layers": 2, "vocab_size": 64}
    target = comfy.supported_models_base.ClipTarget(
        comfy.text_encoders.wan.WanT5Tokenizer, comfy.text_encoders.wan.WanT5Model
    )
    made = comfy.sd.CLIP(
        target,
        tokenizer_data={"spiece_model": tokenizer_file()},
        model_options={"umt5xxl_model_config": widths},
        disable_dynamic=disable_dynamic,
    )
    network = made.cond_stage_model
    seeded.fill(network, seeded.values(network, seed), assign=made.is_dynamic())
    made.patcher.cached_patcher_init = (clip_patcher, (seed,))
    return made


def clip_patcher(seed: int, disable_dynamic: bool = False) -> ModelPatcher:
    return clip(seed, disable_dynamic).patcher


def vae(seed: int) -> comfy.sd.VAE:
    """The tiny autoencoder of Wan, of the published size: 4 frames and 8 by 8 pixels for a cell, the first frame alone."""
    network = comfy.taesd.taehv.TAEHV(latent_channels=LATENT)
    tensors = seeded.values(network, seed, {"weight": 2**0.5})
    for name, tensor in tensors.items():
        if name.endswith("conv.4.weight"):
            tensor.mul_(0.3)  # the end of a residual branch: deeper blocks do not grow
    seeded.fill(network, tensors)
    centre_colours(network, seed)
    made = comfy.sd.VAE(sd=network.state_dict())
    made.first_stage_model.requires_grad_(False)
    made.patcher.cached_patcher_init = (vae_patcher, (seed,))
    return made


def centre_colours(network: comfy.taesd.taehv.TAEHV, seed: int) -> None:
    """Bring the colours of a typical latent to mean 0.5 and deviation 0.15, in place: few are clipped."""
    colours = network.decode(seeded.normal(seed, "typical latent", (1, LATENT, 2, 8, 8)))[0].flatten(1)
    # Rounded, so that the last bits of this pass do not reach the weights.
    gain = (0.15 / colours.std(dim=1)).to(torch.bfloat16).float()
    mean = colours.mean(dim=1).to(torch.bfloat16).float()
    last = network.decoder[-1]
    last.weight.mul_(gain[:, None, None, None])
    last.bias.sub_(mean).mul_(gain).add_(0.5)


def vae_patcher(seed: int, disable_dynamic: bool = False) -> ModelPatcher:
    return vae(seed).patcher
