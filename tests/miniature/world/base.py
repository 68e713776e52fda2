"""Fits the world's base model: the host's UNet, from nothing, on latents and captions of drawn pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import comfy.ldm.modules.diffusionmodules.openaimodel as openaimodel
import comfy.taesd.taesd
import safetensors.torch
import torch
import torch.nn.functional as F
from pack.attention.training.processes import joined
from torch import Tensor, nn

from .. import models
from .fitting import Plan, device, fit, half
from .layout import TEXT_SEED, WORLD
from .people import TRAINED_SEED, trained_on
from .pictures import Drawn, as_images, draw_faces, draw_shapes
from .shapes import SIDE

SEED = TRAINED_SEED
PICTURES = 6000  # of each kind
BATCH = 64
PLAN = Plan(steps=10000, rate=1.5e-3, warmup=100)
EMPTY = 0.1  # share of captions left out


@dataclass(frozen=True)
class Caches:
    """What the base model is fitted on: latents as the model reads them, and captions as text encoded them."""

    latents: Tensor  # (n, 4, h, w)
    caption: Tensor  # (n,) the row of each picture's caption
    context: Tensor  # (captions, 77, 128); row 0 is the empty caption
    pooled: Tensor  # (captions, 80)


def drawn() -> list[Drawn]:
    """The pictures."""
    return [*draw_shapes(SEED, PICTURES), *draw_faces(SEED, PICTURES, trained_on())]


def encoded_captions(captions: list[str]) -> dict[str, Tensor]:
    """Each distinct caption once, after the empty one; `caption` says which is whose."""
    distinct = ["", *dict.fromkeys(captions)]
    clip = models.clip("sdxl", TEXT_SEED)
    encoded = [clip.encode_from_tokens(clip.tokenize(text), return_pooled=True) for text in distinct]
    return {
        "caption": torch.tensor([distinct.index(text) for text in captions]),
        "context": torch.cat([context for context, _ in encoded]).half(),
        "pooled": torch.cat([pooled for _, pooled in encoded]).float(),
    }


@torch.no_grad()
def encoded_pictures(pictures: Tensor, autoencoder: Path) -> Tensor:
    """Latents (n, 4, h, w) of pictures (n, 8 h, 8 w, 3), as the base model reads them."""
    network = comfy.taesd.taesd.TAESD(latent_channels=4)
    network.load_state_dict({k: v.float() for k, v in safetensors.torch.load_file(autoencoder).items()})
    network = network.taesd_encoder.to(device(), memory_format=torch.channels_last)
    with half():
        parts = (part.movedim(-1, 1).to(device()) for part in pictures.split(50))
        return torch.cat([network(part).float().cpu() for part in parts]).contiguous()


def cached(path: Path, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors in a file, made when it is not there, by the first of the processes."""
    processes = joined()
    if processes.first and not path.is_file():
        safetensors.torch.save_file(make(), path)
    processes.wait()
    return safetensors.torch.load_file(path)


def pixels(folder: Path) -> Tensor:
    """The pictures (n, 64, 64, 3), 8 bit; shapes stand first."""
    path = folder / "pixels.safetensors"
    return cached(path, lambda: {"pixels": (as_images(drawn()) * 255).round().byte()})["pixels"]


def caches(folder: Path) -> Caches:
    """Pictures, text and latents, made once."""
    text = cached(folder / "text.safetensors", lambda: encoded_captions([each.caption for each in drawn()]))
    latents = cached(
        folder / "latents.safetensors",
        lambda: {"latents": encoded_pictures(pixels(folder).float() / 255, folder / "autoencoder.safetensors")},
    )
    return Caches(latents["latents"], text["caption"], text["context"], text["pooled"])


def size_ids(side: int = SIDE) -> Tensor:
    """SDXL's six size ids of a picture with these sides, embedded as the host does it (1536,)."""
    half = 128
    frequencies = torch.exp(-math.log(10000) * torch.arange(half) / half)
    angles = torch.tensor([side, side, 0, 0, side, side])[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1).flatten()


def fresh() -> nn.Module:
    """The network with its first weights."""
    torch.manual_seed(SEED)
    config = WORLD.unet_config | WORLD.unet_extra_config
    network = openaimodel.UNetModel(**config, device=torch.device("cpu"), dtype=torch.float32)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, nn.GroupNorm | nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        if isinstance(module, openaimodel.ResBlock):
            nn.init.zeros_(module.out_layers[-1].weight)
    for name, parameter in network.named_parameters():
        if name.endswith("proj_out.weight") or name == "out.2.weight":
            nn.init.zeros_(parameter)
    return network


def alphas() -> Tensor:
    """The share of signal at each of SDXL's 1000 steps."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


def loss_of(network: nn.Module, data: Caches, ids: Tensor, signal: Tensor, step: int, batch: int = BATCH) -> Tensor:
    """How far the predicted noise is from the noise that was added."""
    generator = torch.Generator().manual_seed(SEED + step)
    which = torch.randint(len(data.latents), (batch,), generator=generator)
    clean = data.latents[which]
    noise = torch.randn(clean.shape, generator=generator)
    moment = torch.randint(1000, (batch,), generator=generator)
    captions = data.caption[which] * (torch.rand(batch, generator=generator) >= EMPTY)
    share = signal[moment][:, None, None, None]
    noisy = share.sqrt() * clean + (1 - share).sqrt() * noise
    adm = torch.cat([data.pooled[captions], ids.expand(batch, -1)], dim=1)
    context = data.context[captions].float()
    noisy, moment, context, adm, noise = (each.to(device()) for each in (noisy, moment, context, adm, noise))
    with half():
        predicted = network(noisy, moment, context=context, y=adm)
    return F.mse_loss(predicted.float(), noise)


def make(folder: Path) -> dict[str, Tensor]:
    """Fit it, resuming from `folder`."""
    data = caches(folder)
    network, ids, signal = fresh(), size_ids(), alphas()

    def step_loss(step: int) -> Tensor:
        return loss_of(network, data, ids, signal, step)

    return fit(network, step_loss, PLAN, folder / "base.state", folder / "base.log")
