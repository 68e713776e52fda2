"""One denoising step of each side, giving the predicted noise of the positive and the negative half.

The references compute where they and their inputs are, on the CPU in tests; the host where it would, and what it gives
is brought back.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .packages import reference
from .seeds import normal
from .unets import Twin

samplers = reference("comfy.samplers")

TIMESTEP = 701  # of 1000; high enough that the text and the image tokens matter


@dataclass(frozen=True)
class Halves:
    """The predicted noise (1, 4, H, W) of each half of classifier-free guidance."""

    positive: Tensor
    negative: Tensor

    def difference(self, other: "Halves") -> float:
        """The largest absolute difference in either half."""
        return max(
            (self.positive - other.positive).abs().max().item(),
            (self.negative - other.negative).abs().max().item(),
        )


@dataclass(frozen=True)
class Inputs:
    """What a step starts from: the latent as the UNet sees it, and both halves' text."""

    latent: Tensor  # (1, 4, H, W)
    positive: Tensor  # (1, 77, width of the text)
    negative: Tensor
    pooled_positive: Tensor  # (1, P); P is 0 for SD1.5
    pooled_negative: Tensor


def inputs(twin: Twin, size: tuple[int, int] = (16, 16), seed: int = 0) -> Inputs:
    """Seeded inputs; `size` is the latent's (height, width)."""
    family = twin.family
    key = ("inputs", family.name, seed)
    return Inputs(
        latent=normal(1, 4, *size, key=(*key, "latent", size)),
        positive=normal(1, 77, family.text_dim, key=(*key, "positive")),
        negative=normal(1, 77, family.text_dim, key=(*key, "negative")),
        pooled_positive=normal(1, family.pooled_dim, key=(*key, "pooled positive")),
        pooled_negative=normal(1, family.pooled_dim, key=(*key, "pooled negative")),
    )


def size_ids(given: Inputs) -> Tensor:
    """SDXL's size conditioning as the host makes it: height, width, no crop, height, width, in pixels."""
    height, width = (8 * side for side in given.latent.shape[-2:])
    sizes = [[height, width, 0, 0, height, width]]
    return torch.tensor(sizes, dtype=torch.float32, device=given.latent.device).repeat(2, 1)


@torch.no_grad()
def diffusers_step(
    twin: Twin,
    given: Inputs,
    image_embeds: list[Tensor] | None = None,
    extra_tokens: Tensor | None = None,
    **cross_attention_kwargs: object,
) -> Halves:
    """A step of the diffusers UNet as it is now (bare, or within `adapters.diffusers_adapted`).

    `image_embeds` has one (2, n, ...) tensor for each adapter, negative half first. `extra_tokens` (2, T, C)
    are put behind the text, where the authors' processors look for them.
    """
    text = torch.cat([given.negative, given.positive])
    if extra_tokens is not None:
        text = torch.cat([text, extra_tokens], dim=1)
    added: dict[str, object] = {}
    if twin.family.pooled_dim:
        added["text_embeds"] = torch.cat([given.pooled_negative, given.pooled_positive])
        added["time_ids"] = size_ids(given)
    if image_embeds is not None:
        added["image_embeds"] = image_embeds
    negative, positive = twin.unet(
        given.latent.repeat(2, 1, 1, 1),
        torch.tensor(TIMESTEP),
        encoder_hidden_states=text,
        added_cond_kwargs=added,
        cross_attention_kwargs=cross_attention_kwargs or None,
    ).sample.split(1)
    return Halves(positive, negative)


class OneCall(samplers.Sampler):
    """A sampler that calls the guided model once, at a given latent and sigma."""

    def __init__(self, latent: Tensor) -> None:
        self.latent = latent

    def sample(self, model_wrap, sigmas, extra_args, *_args):  # the host's signature
        return model_wrap(self.latent.to(sigmas.device), sigmas[:1].expand(len(self.latent)), **extra_args)


def conditionings(given: Inputs) -> tuple[list, list]:
    """Both halves' text as it is on the host's wires, positive first."""
    return (
        [[given.positive, {"pooled_output": given.pooled_positive}]],
        [[given.negative, {"pooled_output": given.pooled_negative}]],
    )


@torch.no_grad()
def host_step(
    patcher: object, given: Inputs, timestep: int = TIMESTEP, conds: tuple[list, list] | None = None
) -> Halves:
    """A step of a host ModelPatcher through CFGGuider, as a KSampler would run it.

    Every wrapper and patch on `patcher` acts, and every net on `conds`, which are the text's own where none are given;
    both halves are read before guidance mixes them.
    """
    patcher = patcher.clone()
    sampling = patcher.get_model_object("model_sampling")
    sigma = sampling.sigmas[timestep].cpu()
    noised = given.latent * (sigma**2 + 1) ** 0.5  # the host divides by this before the UNet
    seen: dict[str, Tensor] = {}

    def read_both_halves(args: dict) -> Tensor:
        seen["positive"], seen["negative"] = args["cond_denoised"].cpu(), args["uncond_denoised"].cpu()
        return args["denoised"]

    patcher.set_model_sampler_post_cfg_function(read_both_halves, disable_cfg1_optimization=True)
    guider = samplers.CFGGuider(patcher)
    guider.set_conds(*(conds or conditionings(given)))
    guider.set_cfg(7.0)
    empty = torch.zeros_like(given.latent)
    sigmas = torch.stack([sigma, torch.zeros_like(sigma)])
    guider.sample(empty, empty, OneCall(noised), sigmas, disable_pbar=True)
    return Halves(*((noised - seen[half]) / sigma for half in ("positive", "negative")))
