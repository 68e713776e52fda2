"""Samples from an adapter in training: the host's sampler, steered as it will be by the saved file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import comfy.controlnet
import comfy.sample
import torch
from comfy.cldm.cldm import ControlNet as Network
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..adapter.adapter import Adapter
from ..branch.attachment import Attachment
from ..branch.build import key_values
from ..identitynet.apply import apply_identitynet
from ..identitynet.hint import Hint
from ..identitynet.net import FaceContext, IdentityNet
from ..sampling.attach import attach
from .dataset import Dataset, Example, Text
from .export import IDENTITYNET, Weights, checkpoint_of
from .new_identitynet import network_for


@dataclass(frozen=True)
class Sampling:
    """How a sample is made."""

    steps: int = 12
    cfg: float = 3.0
    sampler_name: str = "euler"
    scheduler: str = "normal"
    seed: int = 0


def adapter_of(weights: Weights, variant: str) -> Adapter:
    """An adapter that acts from weights in training, as one loaded from their file would."""
    return Adapter(checkpoint_of({name: w.to("cpu") for name, w in weights.items()}, "in training"), variant)


@torch.no_grad()
def sample(
    model: ModelPatcher, adapter: Adapter, net: Network | None, example: Example, no: Dataset, how: Sampling
) -> Tensor:
    """The latent (1, C, h, w) drawn from an example's reference, its text and its keypoints."""
    positive: list[Text] = [example.text]
    negative: list[Text] = [no.no_text]
    branch = Attachment(key_values(adapter, example.embeds), key_values(adapter, no.no_picture))
    steered = attach(model, branch)
    if net is not None and example.hint is not None:
        face = FaceContext(adapter.tokens(example.embeds), adapter.tokens(no.no_picture))
        hint = Hint(example.shown_hint.movedim(0, -1)[None])
        shown = IdentityNet(_wrapped(net, model), face)
        positive, negative = apply_identitynet(shown, hint, positive, negative)
    empty = torch.zeros_like(example.latent)[None]
    noise = comfy.sample.prepare_noise(empty, how.seed)
    return comfy.sample.sample(
        steered,
        noise,
        how.steps,
        how.cfg,
        how.sampler_name,
        how.scheduler,
        positive,
        negative,
        empty,
        disable_pbar=True,
        seed=how.seed,
    )


def _wrapped(net: Network, model: ModelPatcher) -> comfy.controlnet.ControlNet:
    return comfy.controlnet.ControlNet(net, load_device=model.load_device, manual_cast_dtype=None)


def network_with(unet_config: dict[str, Any], weights: Mapping[str, Tensor]) -> Network:
    """An IdentityNet for a UNet with the weights of a trainee, where these are."""
    own: dict[str, Any] = {
        name.removeprefix(IDENTITYNET): tensor for name, tensor in weights.items() if name.startswith(IDENTITYNET)
    }
    net = network_for(unet_config).to(next(iter(own.values())).device)
    net.load_state_dict(own)
    return net.requires_grad_(False)
