"""A small InfuseNet with the same seeded weights as diffusers' FLUX ControlNet and as the host's, its projection, and a step with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn

from . import authors, flux
from .packages import reference
from .seeds import fill, normal
from .steps import Halves

FluxControlNetModel = reference("diffusers").FluxControlNetModel
comfy_controlnet = reference("comfy.controlnet")
comfy_utils = reference("comfy.utils")
flux_controlnet = reference("comfy.ldm.flux.controlnet")
latent_formats = reference("comfy.latent_formats")
model_management = reference("comfy.model_management")
ops = reference("comfy.ops")

DOUBLE, SINGLE = 4, 10  # as published
SCALE, SHIFT = 0.3611, 0.1159
"""Of FLUX's autoencoder, as its published configuration has them."""
GUIDANCE = 1.0
"""`controlnet_guidance_scale` of the authors' pipeline."""
TOKENS = 8
PUBLISHED = {"num_layers": DOUBLE, "num_single_layers": SINGLE, "guidance_embeds": True}


@dataclass(frozen=True)
class Net:
    """One set of weights, twice. Treat both as read-only."""

    model: nn.Module
    control_net: object  # what the host's loader puts on its wire


@cache
def net(seed: int = 0) -> Net:
    model = FluxControlNetModel(
        **PUBLISHED,
        attention_head_dim=flux.WIDTH // flux.HEADS,
        num_attention_heads=flux.HEADS,
        joint_attention_dim=flux.TEXT,
        pooled_projection_dim=flux.POOLED,
        axes_dims_rope=[8, 12, 12],
    )
    fill(model, "infusenet", seed)
    return Net(model, host_controlnet(model))


def host_controlnet(model: nn.Module) -> object:
    """The host's net with the weights of diffusers', put together as its own loader does, which knows one head width."""
    layout = {"depth": DOUBLE, "depth_single_blocks": SINGLE, "hidden_size": flux.WIDTH}
    config = flux.twin(flux.ALL_SINGLE).patcher.model.model_config.unet_config
    network = flux_controlnet.ControlNetFlux(
        latent_input=True,
        control_latent_channels=16,
        operations=ops.disable_weight_init,
        dtype=torch.float32,
        **{key: value for key, value in config.items() if key not in ("dtype", "device")} | layout,
    )
    made = {key: torch.zeros_like(tensor) for key, tensor in network.state_dict().items()}
    table = comfy_utils.flux_to_diffusers(layout)
    for key, tensor in model.state_dict().items():
        target = table.get(key, key)
        name, part, change = (*((target, None) if isinstance(target, str) else target), None)[:3]
        value = tensor if change is None else change(tensor)
        (made[name] if part is None else made[name].narrow(*part)).copy_(value)
    network.load_state_dict(made, strict=True)
    network.eval().requires_grad_(False)
    return comfy_controlnet.ControlNet(
        network,
        compression_ratio=1,
        latent_format=latent_formats.Flux(),
        load_device=model_management.get_torch_device(),
        extra_conds=["y", "guidance"],
    )


@cache
def projection(seed: int = 0) -> nn.Module:
    """The authors' resampler: the class of IP-Adapter plus, as InstantID's is."""
    return fill(authors.plus(flux.TEXT, 128, 2, encoder=512, tokens=TOKENS), "infinite you", seed)


def save(path: Path, seed: int = 0) -> Path:
    """As published: a pickle of one part, which the host opens as what is in it."""
    torch.save({"image_proj": projection(seed).state_dict()}, path)
    return path


def embedding(seed: int = 0) -> Tensor:
    """(1, 512), raw."""
    return 20 * normal(1, 512, key=("infinite you face", seed))


@torch.no_grad()
def tokens(seed: int = 0, of: int = 0) -> Tensor:
    """(1, T, C) of a face, by the authors' class: of an embedding of length 1."""
    return projection(seed)(nn.functional.normalize(embedding(of), dim=-1)[:, None])


Residuals = tuple[list[Tensor], list[Tensor]]
"""Of the positive half: those of the double and those of the single blocks, (1, N, D) each."""


@torch.no_grad()
def residuals(both: Net, given: flux.Inputs, context: Tensor, latent: Tensor, strength: float) -> Residuals:
    """What diffusers' net adds; `latent` (1, 16, h, w) is the keypoint picture as its autoencoder gives it."""
    double, single = both.model(
        hidden_states=packed(given.latent),
        controlnet_cond=packed((latent - SHIFT) * SCALE),
        conditioning_scale=strength,
        encoder_hidden_states=context,
        pooled_projections=given.pooled_positive,
        timestep=torch.full((1,), flux.SIGMA),
        img_ids=flux.image_ids(given),
        txt_ids=torch.zeros(context.shape[1], 3),
        guidance=torch.full((1,), GUIDANCE),
        return_dict=False,
    )
    return list(double), list(single)


def step(both: flux.Twin, given: flux.Inputs, added: Residuals) -> Halves:
    """A step of diffusers' FLUX with these residuals on the positive half, and none on the negative."""
    double, single = ([torch.cat([torch.zeros_like(each), each]) for each in part] for part in added)
    return flux.diffusers_step(both, given, controlnet_block_samples=double, controlnet_single_block_samples=single)


def summed(parts: Sequence[Residuals]) -> Residuals:
    double, single = (
        [sum(of_all[1:], of_all[0]) for of_all in zip(*kind, strict=True)] for kind in zip(*parts, strict=True)
    )
    return double, single


def within(added: Residuals, mask: Tensor) -> Residuals:
    """Times a mask (h, w) with a number for each token."""
    each = mask.reshape(1, -1, 1)
    return [x * each for x in added[0]], [x * each for x in added[1]]


def packed(latent: Tensor) -> Tensor:
    return rearrange(latent, "b c (h p) (w q) -> b (h w) (c p q)", p=2, q=2)
