"""Turns a model into its family and the sizes of the layers that adapters act in; here those of UNets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from comfy.ldm.modules.attention import CrossAttention
from comfy.model_patcher import ModelPatcher
from torch import nn

from .families import ADAPTED, BlockKey, Family, LayerShape, families_in
from .text_projection import text_projection_of


@dataclass(frozen=True)
class ModelLayers:
    """The layers of a model that adapters act in: their sizes, and the families whose layout they have, if there are any.

    `kind` is the host's class of the model, `network` that of what it runs. `projects_text` is the width of the text
    that its network brings to the layers' width by itself, None where it takes text as the layers read it.
    """

    kind: str
    network: str
    shapes: Mapping[BlockKey, LayerShape]
    families: tuple[Family, ...]
    projects_text: int | None = None

    @property
    def family(self) -> Family | None:
        """The first of its families."""
        return next(iter(self.families), None)

    @property
    def context_dim(self) -> int:
        """The width of its text."""
        return next(iter(self.shapes.values())).context_dim


def model_layers(model: ModelPatcher) -> ModelLayers:
    """What cross-attentions this clone of a model has; none at all where it is not a UNet.

    The network is shared by all clones of a model and shows what another clone has put into it, so layout and sizes are
    read from the model's configuration, unless this clone has put a network of its own in its place.
    """
    inner = network_of(model)
    shared = model.object_patches_backup.get("diffusion_model", model.model.diffusion_model)
    config: Mapping[str, Any] = getattr(getattr(model.model, "model_config", None), "unet_config", None) or {}
    described = inner is shared and config.keys() >= _DESCRIBES and config["use_spatial_transformer"]
    shapes = _described(config) if described else cross_attentions(inner)
    projects = text_projection_of(inner)
    width = projects.in_features if projects else None
    return ModelLayers(type(model.model).__name__, type(inner).__name__, shapes, families_in(shapes), width)


def network_of(model: ModelPatcher) -> nn.Module:
    """The network that this clone of a model runs, without what a compile node may have wrapped around it."""
    network = model.get_model_object("diffusion_model")
    return getattr(network, "_orig_mod", network)


_DESCRIBES = {
    "use_spatial_transformer",
    "model_channels",
    "channel_mult",
    "num_res_blocks",
    "context_dim",
    "transformer_depth",
    "transformer_depth_middle",
    "transformer_depth_output",
}


def _described(config: Mapping[str, Any]) -> dict[BlockKey, LayerShape]:
    """The cross-attentions that the host's UNetModel makes of a configuration, in the order in which it makes them."""
    widths: Sequence[int] = [mult * config["model_channels"] for mult in config["channel_mult"]]
    blocks = config["num_res_blocks"]
    levels = list(zip(widths, [blocks] * len(widths) if isinstance(blocks, int) else blocks, strict=True))
    down, up = iter(config["transformer_depth"]), iter(reversed(config["transformer_depth_output"]))
    stages: list[tuple[str, int, int, int]] = []  # side, block, how many, width
    block = 1
    for width, count in levels:
        stages += [("input", block + i, next(down), width) for i in range(count)]
        block += count + 1  # the last one halves the resolution
    stages.append(("middle", 0, max(config["transformer_depth_middle"], 0), widths[-1]))
    block = 0
    for width, count in reversed(levels):
        stages += [("output", block + i, next(up), width) for i in range(count + 1)]
        block += count + 1
    return {
        (side, number, depth): LayerShape(width, config["context_dim"])
        for side, number, depths, width in stages
        for depth in range(depths)
    }


def pixels_per_cell(model: ModelPatcher) -> int:
    """Pixels along one side of a cell of a model's latents."""
    return cast(Any, model.get_model_object("latent_format")).spacial_downscale_ratio


def family_of_model(layers: ModelLayers, among: Sequence[Family] = ADAPTED) -> Family:
    """The family of a model. Raises ValueError when none of `among` has its layout."""
    if layers.family is not None and layers.family in among:
        return layers.family
    *first, last = dict.fromkeys(family.label for family in among)
    known = f"{', '.join(first)} or {last}"
    raise ValueError(
        f"the connected model is {layers.kind} ({layers.network}, {len(layers.shapes)} layers for an adapter), which no "
        f"adapter fits here. Connect a model of {known}."
    )


def cross_attentions(network: nn.Module) -> dict[BlockKey, LayerShape]:
    """The sizes of every cross-attention of a network built as a UNet; empty for every other network."""
    return {key: _shape(attention) for key, attention in cross_attention_modules(network).items()}


def cross_attention_modules(network: nn.Module) -> dict[BlockKey, CrossAttention]:
    """Every cross-attention of a network built as a UNet by the key under which the host announces it.

    Told by what they have, not by their class: other packs put classes of their own in the place of the host's.
    """
    middle = getattr(network, "middle_block", None)  # some distilled models have none
    sides = {
        "input": getattr(network, "input_blocks", ()),
        "output": getattr(network, "output_blocks", ()),
        "middle": () if middle is None else (middle,),
    }
    found: dict[BlockKey, CrossAttention] = {}
    for side, blocks in sides.items():
        for number, block in enumerate(blocks):
            for module in cast(nn.Module, block).children():
                for depth, transformer in enumerate(getattr(module, "transformer_blocks", ())):
                    attention = getattr(transformer, "attn2", None)
                    if all(hasattr(attention, name) for name in ("heads", "dim_head", "to_k", "to_v")):
                        found[side, number, depth] = cast(CrossAttention, attention)
    return found


def _shape(attention: CrossAttention) -> LayerShape:
    # Not from the weights: quantised ones have other shapes.
    return LayerShape(attention.heads * attention.dim_head, attention.to_k.in_features)
