"""FLUX with XLabs' adapters: the same seeded weights in diffusers and in the host, and one step of either."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import safetensors.torch
import torch
from einops import rearrange
from torch import Tensor, nn

from .packages import reference
from .seeds import fill, normal
from .steps import Halves, OneCall

transformer_flux = reference("diffusers.models.transformers.transformer_flux")
comfy_utils = reference("comfy.utils")
model_management = reference("comfy.model_management")
model_patcher = reference("comfy.model_patcher")
samplers = reference("comfy.samplers")
supported_models = reference("comfy.supported_models")

WIDTH, HEADS, POOLED, ENCODER = 64, 2, 32, 48
TEXT = 4096  # as published: diffusers tells the number of tokens by it
DOUBLE, SINGLE = 19, 2
SIGMA, GUIDANCE = 0.7, 3.5
ALL_SINGLE = 38  # as published, for adapters that act there


@dataclass(frozen=True)
class Twin:
    """One set of weights, twice. Treat both as read-only: clone the patcher, use `loaded` on the transformer."""

    transformer: nn.Module
    patcher: object


def layout(single: int) -> dict[str, int]:
    return {"depth": DOUBLE, "depth_single_blocks": single, "hidden_size": WIDTH}


@cache
def twin(single: int = SINGLE) -> Twin:
    transformer = transformer_flux.FluxTransformer2DModel(
        in_channels=64,
        num_layers=DOUBLE,
        num_single_layers=single,
        attention_head_dim=WIDTH // HEADS,
        num_attention_heads=HEADS,
        joint_attention_dim=TEXT,
        pooled_projection_dim=POOLED,
        guidance_embeds=True,
        axes_dims_rope=(8, 12, 12),
    )
    fill(transformer, "flux")
    return Twin(transformer, host_patcher(transformer, single))


def host_patcher(transformer: nn.Module, single: int) -> object:
    """The host's FLUX holding the weights of diffusers'."""
    config = supported_models.Flux(
        {
            "image_model": "flux",
            "in_channels": 16,
            "out_channels": 16,
            "context_in_dim": TEXT,
            "vec_in_dim": POOLED,
            "mlp_ratio": 4.0,
            "num_heads": HEADS,
            "axes_dim": [8, 12, 12],
            "theta": 10000,
            "patch_size": 2,
            "qkv_bias": True,
            "guidance_embed": True,
            "txt_ids_dims": [],
            **layout(single),
        }
    )
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({})
    device = model_management.get_torch_device()
    patcher = model_patcher.ModelPatcher(model, device, model_management.unet_offload_device())
    model.diffusion_model.load_state_dict(renamed(transformer.state_dict(), model.diffusion_model, single), strict=True)
    model.eval()
    return patcher


def renamed(theirs: dict[str, Tensor], network: nn.Module, single: int) -> dict[str, Tensor]:
    """diffusers' weights under the host's names, by the host's own table; several of them are parts of one."""
    made = {key: torch.zeros_like(tensor) for key, tensor in network.state_dict().items()}
    table = comfy_utils.flux_to_diffusers(layout(single))
    for key, tensor in theirs.items():
        target = table[key]
        name, part, change = (*((target, None) if isinstance(target, str) else target), None)[:3]
        value = tensor if change is None else change(tensor)
        if part is None:
            made[name].copy_(value)
        else:
            made[name].narrow(*part).copy_(value)
    return made


@dataclass(frozen=True, eq=False)
class Adapter:
    """A seeded adapter under XLabs' published names."""

    tensors: dict[str, Tensor]

    def save(self, path: Path) -> Path:
        safetensors.torch.save_file(self.tensors, path)
        return path

    @property
    def of_diffusers(self) -> dict[str, dict[str, Tensor]]:
        """As `FluxIPAdapterMixin.load_ip_adapter` reads the file."""
        found: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
        for key, tensor in self.tensors.items():
            part = "image_proj" if key.startswith("ip_adapter_proj_model.") else "ip_adapter"
            name = key.partition(".")[2].replace("processor.", "")
            for letter in "kv":
                name = name.replace(f"ip_adapter_double_stream_{letter}_proj", f"to_{letter}_ip")
            found[part][name] = tensor
        return found


@cache
def adapter(tokens: int, seed: int = 0) -> Adapter:
    """4 tokens make the first version, 16 the second."""
    key = ("xlabs", tokens, seed)
    tensors = {
        "ip_adapter_proj_model.proj.weight": normal(tokens * TEXT, ENCODER, key=(*key, "proj")) / ENCODER**0.5,
        "ip_adapter_proj_model.proj.bias": 0.1 * normal(tokens * TEXT, key=(*key, "proj bias")),
        "ip_adapter_proj_model.norm.weight": 1 + 0.1 * normal(TEXT, key=(*key, "norm")),
        "ip_adapter_proj_model.norm.bias": 0.1 * normal(TEXT, key=(*key, "norm bias")),
    }
    for block in range(DOUBLE):
        for letter in "kv":
            name = f"double_blocks.{block}.processor.ip_adapter_double_stream_{letter}_proj"
            tensors[f"{name}.weight"] = normal(WIDTH, TEXT, key=(*key, name)) / TEXT**0.5
            tensors[f"{name}.bias"] = 0.1 * normal(WIDTH, key=(*key, name, "bias"))
    return Adapter(tensors)


@dataclass(frozen=True)
class Use:
    """An adapter acting: pooled embeds (n, F) of both halves, and its scale, one number or one for each block."""

    adapter: Adapter
    positive: Tensor
    negative: Tensor
    scale: float | Sequence[float] = 1.0


def use(tokens: int, pictures: int = 1, scale: float | Sequence[float] = 1.0, seed: int = 0) -> Use:
    embeds = [normal(pictures, ENCODER, key=("flux embeds", tokens, seed, half)) for half in ("positive", "negative")]
    return Use(adapter(tokens, seed), *embeds, scale)


@dataclass(frozen=True)
class Inputs:
    latent: Tensor  # (1, 16, H, W)
    positive: Tensor  # (1, L, TEXT)
    negative: Tensor
    pooled_positive: Tensor
    pooled_negative: Tensor


def inputs(size: tuple[int, int] = (8, 8)) -> Inputs:
    key = ("flux inputs", size)
    return Inputs(
        normal(1, 16, *size, key=(*key, "latent")),
        *(normal(1, 20, TEXT, key=(*key, half)) for half in ("positive", "negative")),
        *(normal(1, POOLED, key=(*key, half, "pooled")) for half in ("positive", "negative")),
    )


@contextmanager
def loaded(both: Twin, uses: Sequence[Use]) -> Iterator[None]:
    """diffusers' transformer with the adapters loaded by diffusers itself."""
    transformer = both.transformer
    try:
        transformer._load_ip_adapter_weights([each.adapter.of_diffusers for each in uses], low_cpu_mem_usage=False)
        for number, block in enumerate(transformer.transformer_blocks):
            block.attn.processor.scale = [
                each.scale if isinstance(each.scale, float) else each.scale[number] for each in uses
            ]
        yield
    finally:
        transformer.encoder_hid_proj = None
        transformer.set_attn_processor(transformer_flux.FluxAttnProcessor())


def image_ids(given: Inputs) -> Tensor:
    """The places of the picture's tokens (N, 3)."""
    rows, columns = (side // 2 for side in given.latent.shape[-2:])
    places = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"), -1)
    return torch.cat([torch.zeros(rows, columns, 1), places], -1).flatten(0, 1)


@torch.no_grad()
def diffusers_step(both: Twin, given: Inputs, uses: Sequence[Use] = (), **residuals: list[Tensor]) -> Halves:
    rows = given.latent.shape[-2] // 2
    packed = rearrange(given.latent, "b c (h p) (w q) -> b (h w) (c p q)", p=2, q=2)
    embeds = [torch.stack([each.negative, each.positive]) for each in uses]
    (found,) = both.transformer(
        hidden_states=packed.repeat(2, 1, 1),
        encoder_hidden_states=torch.cat([given.negative, given.positive]),
        pooled_projections=torch.cat([given.pooled_negative, given.pooled_positive]),
        timestep=torch.full((2,), SIGMA),
        guidance=torch.full((2,), GUIDANCE),
        img_ids=image_ids(given),
        txt_ids=torch.zeros(given.positive.shape[1], 3),
        joint_attention_kwargs={"ip_adapter_image_embeds": embeds} if uses else None,
        return_dict=False,
        **residuals,
    )
    negative, positive = rearrange(found, "b (h w) (c p q) -> b c (h p) (w q)", h=rows, p=2, q=2).split(1)
    return Halves(positive, negative)


def with_diffusers(both: Twin, given: Inputs, uses: Sequence[Use]) -> Halves:
    with loaded(both, uses):
        return diffusers_step(both, given, uses)


def conditionings(given: Inputs) -> tuple[list, list]:
    """Positive and negative as nodes hand them on."""
    sides = (given.positive, given.pooled_positive), (given.negative, given.pooled_negative)
    positive, negative = ([[text, {"pooled_output": pooled, "guidance": GUIDANCE}]] for text, pooled in sides)
    return positive, negative


@torch.no_grad()
def host_step(patcher: object, given: Inputs, guided: bool = True, conds: object = None) -> Halves:
    """A step of the host through CFGGuider, as a KSampler would run it; both halves are read before guidance.

    Without true guidance (CFG 1) the host runs the positive half alone, which then is both.
    """
    patcher, seen, sigma = patcher.clone(), {}, torch.tensor(SIGMA)

    def read_both_halves(args: dict) -> Tensor:
        seen["positive"] = args["cond_denoised"].cpu()
        seen["negative"] = args["uncond_denoised"].cpu() if guided else seen["positive"]
        return args["denoised"]

    patcher.set_model_sampler_post_cfg_function(read_both_halves, disable_cfg1_optimization=guided)
    guider = samplers.CFGGuider(patcher)
    guider.set_conds(*(conds or conditionings(given)))
    guider.set_cfg(2.0 if guided else 1.0)
    empty = torch.zeros_like(given.latent)
    sigmas = torch.stack([sigma, torch.zeros_like(sigma)])
    guider.sample(empty, empty, OneCall(given.latent), sigmas, disable_pbar=True)
    return Halves(*((given.latent - seen[half]) / sigma for half in ("positive", "negative")))
