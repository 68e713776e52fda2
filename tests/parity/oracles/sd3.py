"""SD3.5 with InstantX's adapter: the same seeded weights in diffusers and in the host, and one step of either."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from .flux import Inputs, Twin
from .packages import reference
from .seeds import fill, normal
from .steps import Halves, OneCall

transformer_sd3 = reference("diffusers.models.transformers.transformer_sd3")
attention_processor = reference("diffusers.models.attention_processor")
comfy_utils = reference("comfy.utils")
model_management = reference("comfy.model_management")
model_patcher = reference("comfy.model_patcher")
samplers = reference("comfy.samplers")
supported_models = reference("comfy.supported_models")

HEADS, HEAD, TEXT, POOLED, PLACES = 2, 64, 48, 32, 16
BLOCKS = 38  # as published
WIDTH = HEADS * HEAD
SIGMA = 0.7
FEATURES, HIDDEN, TOKENS, WAVES, DEPTH = 48, 128, 6, 32, 4  # of the adapter; its depth as published
LAYOUT = {"depth": HEADS, "num_blocks": BLOCKS}


@cache
def twin() -> Twin:
    transformer = transformer_sd3.SD3Transformer2DModel(
        sample_size=2 * PLACES,
        patch_size=2,
        in_channels=16,
        num_layers=BLOCKS,
        attention_head_dim=HEAD,
        num_attention_heads=HEADS,
        joint_attention_dim=TEXT,
        caption_projection_dim=WIDTH,
        pooled_projection_dim=POOLED,
        out_channels=16,
        pos_embed_max_size=PLACES,
        qk_norm="rms_norm",
    )
    fill(transformer, "sd3")
    return Twin(transformer, host_patcher(transformer))


def host_patcher(transformer: nn.Module) -> object:
    """The host's SD3.5 holding the weights of diffusers'."""
    text = {"target": "torch.nn.Linear", "params": {"in_features": TEXT, "out_features": WIDTH}}
    config = supported_models.SD3(
        {
            "in_channels": 16,
            "patch_size": 2,
            "input_size": None,
            "adm_in_channels": POOLED,
            "context_embedder_config": text,
            "pos_embed_scaling_factor": None,
            "pos_embed_max_size": PLACES,
            "num_patches": PLACES**2,
            "qk_norm": "rms",
            **LAYOUT,
        }
    )
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({})
    device = model_management.get_torch_device()
    patcher = model_patcher.ModelPatcher(model, device, model_management.unet_offload_device())
    model.diffusion_model.load_state_dict(renamed(transformer, model.diffusion_model), strict=True)
    model.eval()
    return patcher


def renamed(transformer: nn.Module, network: nn.Module) -> dict[str, Tensor]:
    """diffusers' weights under the host's names, by the host's own table; several of them are parts of one."""
    made = {key: torch.zeros_like(tensor) for key, tensor in network.state_dict().items()}
    table = comfy_utils.mmdit_to_diffusers(LAYOUT)
    for leaf in ("weight", "bias"):  # the table takes the last block for the one with the number of the last head
        for block, change in ((HEADS - 1, None), (BLOCKS - 1, comfy_utils.swap_scale_shift)):
            name = f"joint_blocks.{block}.context_block.adaLN_modulation.1.{leaf}"
            table[f"transformer_blocks.{block}.norm1_context.linear.{leaf}"] = (name, None, change)
    for key, tensor in transformer.state_dict().items():
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
    """A seeded adapter as it is published: two dictionaries in a `.bin`."""

    projection: dict[str, Tensor]
    layers: dict[str, Tensor]

    def save(self, path: Path) -> Path:
        path = path.with_suffix(".bin")
        torch.save({"image_proj": self.projection, "ip_adapter": self.layers}, path)
        return path


@cache
def adapter(seed: int = 0) -> Adapter:
    key = ("sd3 adapter", seed)
    shapes = {
        "latents": (1, TOKENS, HIDDEN),
        "proj_in.weight": (HIDDEN, FEATURES),
        "proj_in.bias": (HIDDEN,),
        "proj_out.weight": (WIDTH, HIDDEN),
        "proj_out.bias": (WIDTH,),
        "norm_out.weight": (WIDTH,),
        "norm_out.bias": (WIDTH,),
        "time_embedding.linear_1.weight": (HIDDEN, WAVES),
        "time_embedding.linear_1.bias": (HIDDEN,),
        "time_embedding.linear_2.weight": (HIDDEN, HIDDEN),
        "time_embedding.linear_2.bias": (HIDDEN,),
    }
    for layer in range(DEPTH):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            shapes |= {f"layers.{layer}.{norm}.{leaf}": (HIDDEN,) for leaf in ("weight", "bias")}
        shapes |= {
            f"layers.{layer}.0.to_q.weight": (HIDDEN, HIDDEN),
            f"layers.{layer}.0.to_kv.weight": (2 * HIDDEN, HIDDEN),
            f"layers.{layer}.0.to_out.weight": (HIDDEN, HIDDEN),
            f"layers.{layer}.1.1.weight": (4 * HIDDEN, HIDDEN),
            f"layers.{layer}.1.3.weight": (HIDDEN, 4 * HIDDEN),
            f"layers.{layer}.2.1.weight": (4 * HIDDEN, HIDDEN),
            f"layers.{layer}.2.1.bias": (4 * HIDDEN,),
        }
    layers = {}
    for block in range(BLOCKS):
        layers |= {
            f"{block}.norm_ip.linear.weight": (2 * WIDTH, HIDDEN),
            f"{block}.norm_ip.linear.bias": (2 * WIDTH,),
            f"{block}.to_k_ip.weight": (WIDTH, WIDTH),
            f"{block}.to_v_ip.weight": (WIDTH, WIDTH),
            **{f"{block}.{norm}.weight": (HEAD,) for norm in ("norm_q", "norm_k", "norm_ip_k")},
        }
    return Adapter(*({name: _value(key, name, shape) for name, shape in part.items()} for part in (shapes, layers)))


def _value(key: tuple, name: str, shape: tuple[int, ...]) -> Tensor:
    made = normal(*shape, key=(*key, name))
    if name.endswith("bias"):
        return 0.1 * made
    return 1 + 0.2 * made if len(shape) == 1 else made / shape[-1] ** 0.5


@dataclass(frozen=True)
class Use:
    """An adapter acting: hidden states (1, L, F) of both halves, and its scale, one number or one for each block."""

    adapter: Adapter
    positive: Tensor
    negative: Tensor
    scale: float | Sequence[float] = 0.5


def use(scale: float | Sequence[float] = 0.5, seed: int = 0) -> Use:
    """As the authors do it: zeros for the negative half."""
    positive = normal(1, 10, FEATURES, key=("sd3 features", seed))
    return Use(adapter(seed), positive, torch.zeros_like(positive), scale)


def away(each: Use) -> Use:
    """The same with a picture of its own for the negative half."""
    return replace(each, negative=normal(1, 10, FEATURES, key=("sd3 features", "away")))


def inputs(size: tuple[int, int] = (8, 12)) -> Inputs:
    key = ("sd3 inputs", size)
    return Inputs(
        normal(1, 16, *size, key=(*key, "latent")),
        *(normal(1, 20, TEXT, key=(*key, half)) for half in ("positive", "negative")),
        *(normal(1, POOLED, key=(*key, half, "pooled")) for half in ("positive", "negative")),
    )


@contextmanager
def loaded(both: Twin, each: Use | None) -> Iterator[None]:
    """diffusers' transformer with an adapter loaded by diffusers itself."""
    transformer = both.transformer
    try:
        if each is not None:
            state = {"image_proj": dict(each.adapter.projection), "ip_adapter": dict(each.adapter.layers)}
            transformer._load_ip_adapter_weights(state, low_cpu_mem_usage=False)
            for number, block in enumerate(transformer.transformer_blocks):
                block.attn.processor.scale = each.scale if isinstance(each.scale, float) else each.scale[number]
        yield
    finally:
        transformer.image_proj = None
        for block in transformer.transformer_blocks:
            block.attn.set_processor(attention_processor.JointAttnProcessor2_0())


@torch.no_grad()
def diffusers_step(both: Twin, given: Inputs, each: Use | None = None) -> Halves:
    """A step of diffusers', both halves in one call as its pipeline makes them."""
    more = None if each is None else {"ip_adapter_image_embeds": torch.cat([each.negative, each.positive])}
    with loaded(both, each):
        (found,) = both.transformer(
            hidden_states=given.latent.repeat(2, 1, 1, 1),
            encoder_hidden_states=torch.cat([given.negative, given.positive]),
            pooled_projections=torch.cat([given.pooled_negative, given.pooled_positive]),
            timestep=torch.full((2,), 1000 * SIGMA),
            joint_attention_kwargs=more,
            return_dict=False,
        )
    negative, positive = found.split(1)
    return Halves(positive, negative)


@torch.no_grad()
def host_step(patcher: object, given: Inputs) -> Halves:
    """A step of the host through CFGGuider, as a KSampler would run it; both halves are read before guidance."""
    patcher, seen, sigma = patcher.clone(), {}, torch.tensor(SIGMA)

    def read_both_halves(args: dict) -> Tensor:
        seen["positive"], seen["negative"] = args["cond_denoised"].cpu(), args["uncond_denoised"].cpu()
        return args["denoised"]

    patcher.set_model_sampler_post_cfg_function(read_both_halves, disable_cfg1_optimization=True)
    guider = samplers.CFGGuider(patcher)
    guider.set_conds(
        [[given.positive, {"pooled_output": given.pooled_positive}]],
        [[given.negative, {"pooled_output": given.pooled_negative}]],
    )
    guider.set_cfg(2.0)
    empty = torch.zeros_like(given.latent)
    sigmas = torch.stack([sigma, torch.zeros_like(sigma)])
    guider.sample(empty, empty, OneCall(given.latent), sigmas, disable_pbar=True)
    return Halves(*((given.latent - seen[half]) / sigma for half in ("positive", "negative")))
