"""Turns a family, a variant and a seed into an adapter checkpoint in the published key layout."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import comfy.ldm.modules.diffusionmodules.openaimodel as openaimodel
import safetensors.torch
import torch
from comfy.ldm.modules.attention import BasicTransformerBlock, CrossAttention
from torch import Tensor

from . import seeded
from .families import encoder_named, family_named

Shapes = dict[str, tuple[int, ...]]
Tensors = dict[str, Tensor]
Checkpoint = dict[str, Tensors]

FACE = 512  # width of a face embedding
HEAD = 64  # of a Resampler
BLOCKS = 4  # of a Resampler
LORA_RANK = 8  # published: 128, which would be wider than the layers here
RESAMPLER = {"sd15": 64, "sdxl": 96}  # width; published 768 (= context) and 1280 (< context)


@dataclass(frozen=True)
class Sizes:
    """What the shapes of an image projection are made of."""

    context: int
    resampler: int
    hidden: int  # of the encoder
    projection: int  # of the encoder


@dataclass(frozen=True)
class Variant:
    projection: Callable[[Sizes], Shapes]
    has_lora: bool = False


def layer_norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def linear(name: str, out: int, inner: int) -> Shapes:
    return {f"{name}.weight": (out, inner), f"{name}.bias": (out,)}


def perceiver(width: int, reads: int, gives: int, heads: int, prefix: str = "") -> Shapes:
    """Everything of a Resampler but its latents."""
    shapes = {
        **linear("proj_in", width, reads),
        **linear("proj_out", gives, width),
        **layer_norm("norm_out", gives),
    }
    for block in range(BLOCKS):
        at = f"layers.{block}"
        shapes |= layer_norm(f"{at}.0.norm1", width) | layer_norm(f"{at}.0.norm2", width)
        shapes[f"{at}.0.to_q.weight"] = (HEAD * heads, width)
        shapes[f"{at}.0.to_kv.weight"] = (2 * HEAD * heads, width)
        shapes[f"{at}.0.to_out.weight"] = (width, HEAD * heads)
        shapes |= layer_norm(f"{at}.1.0", width)
        shapes[f"{at}.1.1.weight"] = (4 * width, width)
        shapes[f"{at}.1.3.weight"] = (width, 4 * width)
    return {prefix + name: shape for name, shape in shapes.items()}


def base(sizes: Sizes) -> Shapes:
    return linear("proj", 4 * sizes.context, sizes.projection) | layer_norm("norm", sizes.context)


def resampler(sizes: Sizes, reads: int) -> Shapes:
    width = sizes.resampler
    return {"latents": (1, 16, width), **perceiver(width, reads, sizes.context, heads=2)}


def full_face(sizes: Sizes) -> Shapes:
    return {
        **linear("proj.0", sizes.hidden, sizes.hidden),
        **linear("proj.2", sizes.context, sizes.hidden),
        **layer_norm("proj.3", sizes.context),
    }


def faceid(sizes: Sizes, tokens: int = 4) -> Shapes:
    return {
        **linear("proj.0", 2 * FACE, FACE),
        **linear("proj.2", tokens * sizes.context, 2 * FACE),
        **layer_norm("norm", sizes.context),
    }


def faceid_plus(sizes: Sizes) -> Shapes:
    c = sizes.context
    return {**faceid(sizes), **perceiver(c, sizes.hidden, c, heads=c // HEAD, prefix="perceiver_resampler.")}


def three_linears(name: str, reads: int, width: int, gives: int) -> Shapes:
    """PuLID's small networks: linear layers with a norm between each two."""
    return {
        **linear(f"{name}.0", width, reads),
        **layer_norm(f"{name}.1", width),
        **linear(f"{name}.3", width, width),
        **layer_norm(f"{name}.4", width),
        **linear(f"{name}.6", gives, width),
    }


def pulid(sizes: Sizes) -> Shapes:
    """PuLID v1.1."""
    width = sizes.hidden
    shapes = {"latents": (1, 32, width), "proj_out": (width, sizes.context)}
    shapes |= three_linears("id_embedding_mapping", FACE + sizes.projection, width, 5 * width)
    for depth in range(5):
        shapes |= three_linears(f"mapping_{depth}", width, width, width)
    layers = perceiver(width, width, width, heads=1)
    for block in range(10):
        source = f"layers.{block % BLOCKS}."
        shapes |= {f"layers.{block}.{k.removeprefix(source)}": v for k, v in layers.items() if k.startswith(source)}
    return shapes


VARIANTS = {
    "base": Variant(base),
    "plus": Variant(lambda s: resampler(s, reads=s.hidden)),
    "full_face": Variant(full_face),
    "faceid": Variant(faceid, has_lora=True),
    "faceid_plus": Variant(faceid_plus, has_lora=True),
    "portrait": Variant(lambda s: faceid(s, tokens=16)),
    "instantid": Variant(lambda s: resampler(s, reads=FACE)),
    "pulid": Variant(pulid),
    "unnorm": Variant(lambda s: resampler(s, reads=FACE)),
}

# Everything else reads vit_h, as published.
READS = {("sdxl", "pulid"): "eva", ("sdxl", "base"): "vit_bigg", ("flux", "base"): "vit_l", ("flux", "plus"): "vit_l"}


def encoder_of(family: str, variant: str) -> str:
    """The encoder that the published adapter of this family and variant reads."""
    return READS.get((family, variant), "vit_h")


def adapter_state_dict(
    family: str, variant: str, seed: int, encoder: str | None = None, lora: bool | None = None
) -> Checkpoint:
    """An adapter checkpoint {"image_proj": {...}, "ip_adapter": {...}}, float32.

    `encoder` and `lora` default to what the published file of the variant has. At weight 1 the image
    branch is about as large as the text branch.
    """
    if variant not in VARIANTS:
        raise ValueError(f"no miniature adapter {variant!r}; there are {', '.join(VARIANTS)}")
    context = family_named(family).context_dim
    tower = encoder_named(encoder or encoder_of(family, variant))
    sizes = Sizes(context, RESAMPLER[family], tower.hidden, tower.projection)
    shapes = VARIANTS[variant].projection(sizes)
    scope = f"{family}/{variant}"
    layers = branch_shapes(family, context)
    if VARIANTS[variant].has_lora if lora is None else lora:
        layers |= lora_shapes(family)
    return {
        "image_proj": {name: projection_value(seed, f"{scope}/{name}", shape) for name, shape in shapes.items()},
        "ip_adapter": {name: layer_value(seed, f"{scope}/{name}", shape) for name, shape in layers.items()},
    }


def projection_value(seed: int, name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith("latents"):
        return seeded.normal(seed, name, shape)
    if len(shape) > 1:
        return seeded.weight(seed, name, shape)
    return (seeded.bias if name.endswith("bias") else seeded.norm_weight)(seed, name, shape)


def layer_value(seed: int, name: str, shape: tuple[int, ...]) -> Tensor:
    # A LoRA changes its layer by a tenth of the layer's own size: seen, yet still the same model.
    return seeded.weight(seed, name, shape, gain=0.1 if name.endswith("lora.up.weight") else 1.0)


def branch_shapes(family: str, context: int) -> Shapes:
    """to_k_ip and to_v_ip of every cross-attention, under the odd indices of the checkpoint."""
    return {
        f"{index}.{name}.weight": (layer.to_q.out_features, context)
        for index, layer in enumerate(attention_layers(family))
        if index % 2
        for name in ("to_k_ip", "to_v_ip")
    }


def lora_shapes(family: str) -> Shapes:
    """The LoRA of every self- and cross-attention."""
    shapes = {}
    for index, layer in enumerate(attention_layers(family)):
        for name in ("to_q", "to_k", "to_v", "to_out"):
            target = layer.to_out[0] if name == "to_out" else getattr(layer, name)
            shapes[f"{index}.{name}_lora.down.weight"] = (LORA_RANK, target.in_features)
            shapes[f"{index}.{name}_lora.up.weight"] = (target.out_features, LORA_RANK)
    return shapes


@cache
def attention_layers(family: str) -> tuple[CrossAttention, ...]:
    """Every attention of the host's UNet in checkpoint order: down, up, then middle; self before cross."""
    base = family_named(family)
    config = base.unet_config | base.unet_extra_config
    unet = openaimodel.UNetModel(**config, device=torch.device("meta"))
    stages = (unet.input_blocks, unet.output_blocks, unet.middle_block)
    return tuple(
        layer for stage in stages for block in transformer_blocks(stage) for layer in (block.attn1, block.attn2)
    )


def transformer_blocks(stage: torch.nn.Module) -> Iterator[BasicTransformerBlock]:
    return (module for module in stage.modules() if isinstance(module, BasicTransformerBlock))


def flat(checkpoint: Checkpoint) -> Tensors:
    """The same tensors under `image_proj.` and `ip_adapter.` prefixes, as .safetensors files hold them."""
    return {f"{part}.{name}": tensor for part, tensors in checkpoint.items() for name, tensor in tensors.items()}


def as_safetensors(checkpoint: Checkpoint) -> bytes:
    return safetensors.torch.save(flat(checkpoint))


def write_safetensors(checkpoint: Checkpoint, path: Path) -> None:
    """Write the flat published form."""
    path.write_bytes(as_safetensors(checkpoint))


def write_bin(checkpoint: Checkpoint, path: Path) -> None:
    """Write the nested published form, a torch file."""
    torch.save(checkpoint, path)
