"""Hidden nodes that old nodes become: layers, negatives, weights and LoRAs as the old packs made them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io

from ...attention.models.families import layers
from ...attention.reference.combine import weighted
from ...attention.reference.embeds import Embeds
from ...attention.weights.layer_presets import LAYER_PRESETS, LINEAR, preset
from ...attention.weights.layer_weights import LayerWeights
from .. import wires
from .thin import hidden_schema

if TYPE_CHECKING:
    from ...attention.adapter.adapter import Adapter


class OldLayers(io.ComfyNode):
    """Layer weights of an old node for the family of its adapter, with or without the middle block."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldLayers",
            "Layers of an Old Node",
            "layer_weights",
            inputs=[
                wires.AdapterWire.Input("adapter", tooltip="The adapter; its family says how many blocks there are."),
                io.Combo.Input(
                    "preset", options=list(LAYER_PRESETS), default=LINEAR, tooltip="A named set of factors."
                ),
                io.Float.Input("weight", default=1.0, min=-5.0, max=5.0, step=0.01, tooltip="Multiplies every factor."),
                io.Float.Input(
                    "second",
                    default=1.0,
                    min=-5.0,
                    max=5.0,
                    step=0.01,
                    tooltip="The weight of the second part, in presets with two: 'weight' does not multiply it.",
                ),
                io.String.Input("weights", default="", tooltip="'block:weight' pairs instead of the preset's factors."),
                io.Boolean.Input(
                    "middle", default=True, tooltip="Off: the middle block is left out, as the old packs left it out."
                ),
            ],
            outputs=[wires.LayersWire.Output("layers", tooltip="For 'layers' of Apply IP-Adapter or Apply InstantID.")],
        )

    @classmethod
    def execute(
        cls,
        adapter: wires.LoadedAdapter,
        preset: str = LINEAR,
        weight: Any = 1.0,
        second: Any = 1.0,
        weights: str = "",
        middle: bool = True,
    ) -> io.NodeOutput:
        from ...attention.weights.layer_text import parse

        family = adapter.adapter.identity.family.name
        if not isinstance(weight, (int, float)) or not isinstance(second, (int, float)):
            raise ValueError("a list of weights cannot be combined with a second weight; link a single number.")
        chosen = two_parts(preset, family, weight, second)
        if weights.strip():
            # What is written replaces the preset's factors, not where it swaps the sides.
            written = parse(weights, family)
            chosen = replace(written, swapped=written.swapped | chosen.swapped)
        return io.NodeOutput(chosen if middle else without_middle(chosen))


def two_parts(name: str, family: str, weight: float, second: float) -> LayerWeights:
    """A preset's factors times `weight`, those of its second part times `second` alone."""
    first, both = preset(name, family, 0.0), preset(name, family, 1.0)
    pairs = zip(first.factors, both.factors, strict=True)
    return replace(both, factors=tuple(weight * one + second * (sum_of - one) for one, sum_of in pairs))


def without_middle(chosen: LayerWeights) -> LayerWeights:
    """The same layers, the middle block's left out."""
    numbers = {layer.transformer for layer in layers(chosen.family) if layer.key[0] == "middle"}
    factors = tuple(0.0 if i in numbers else factor for i, factor in enumerate(chosen.factors))
    return replace(chosen, factors=factors, swapped=chosen.swapped - numbers)


class OldNegative(io.ComfyNode):
    """What the old pack took for 'no reference': a black picture where the adapter reads hidden states."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldNegative",
            "Negative of an Old Node",
            "neg_embed",
            inputs=[
                wires.AdapterWire.Input("adapter", tooltip="The adapter that the embeds are for."),
                io.ClipVision.Input("clip_vision", optional=True, tooltip="Its encoder, unless the loader has one."),
            ],
            outputs=[wires.EmbedsWire.Output("negative_embeds", tooltip="For 'negative_embeds' of Apply IP-Adapter.")],
        )

    @classmethod
    def execute(cls, adapter: wires.LoadedAdapter, clip_vision: Any | None = None) -> io.NodeOutput:
        from ..files.encoder import encoder_for

        encoder = encoder_for(adapter, clip_vision) if adapter.adapter.identity.variant.none_needs_encoder else None
        return io.NodeOutput(old_negative(adapter.adapter, encoder))


def old_negative(adapter: Adapter, clip_vision: Any) -> Embeds:
    """The embeds (n = 1) of a black picture, and of a face of zeros, for adapters that read hidden states; of others
    those that the authors' code has."""
    from ...attention.branch.build import unconditional
    from ...attention.reference.encode import encode

    usual = unconditional(adapter, clip_vision)
    if not adapter.identity.variant.encodes_zero_pixels:
        return usual
    black = encode(clip_vision, torch.zeros(1, clip_vision.image_size, clip_vision.image_size, 3))
    return usual.with_features(penultimate=black.feature("penultimate"))


class OldHints(io.ComfyNode):
    """Lets keypoint pictures of another shape than the picture being made be cut to their middle, as before."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldHints",
            "Keypoints of an Old Node",
            "image_kps",
            inputs=[io.Model.Input("model", tooltip="The model that was steered.")],
            outputs=[io.Model.Output(tooltip="The same model; the log says where points are cut off.")],
        )

    @classmethod
    def execute(cls, model: ModelPatcher) -> io.NodeOutput:
        from ...attention.identitynet.hint_size import cutting_hints

        return io.NodeOutput(cutting_hints(model))


class OldLora(io.ComfyNode):
    """FaceID's LoRA on the model that an old loader handed on, and the adapter without it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldLora",
            "LoRA of an Old Loader",
            "lora_strength",
            inputs=[
                io.Model.Input("model", tooltip="The model that comes in."),
                wires.AdapterWire.Input("adapter", tooltip="The adapter, whose LoRA is put on the model."),
            ],
            outputs=[
                io.Model.Output(tooltip="The model with the LoRA."),
                wires.AdapterWire.Output("adapter", tooltip="The adapter, of which Apply adds no LoRA."),
            ],
        )

    @classmethod
    def execute(cls, model: ModelPatcher, adapter: wires.LoadedAdapter) -> io.NodeOutput:
        from ...attention.adapter.lora import with_lora

        patched = with_lora(model, adapter.adapter, adapter.lora_strength).model
        return io.NodeOutput(patched, replace(adapter, lora_strength=0.0))


class OldWeight(io.ComfyNode):
    """Embeds times a weight that is linked."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldWeight",
            "Weight of Old Embeds",
            "weight",
            inputs=[
                wires.EmbedsWire.Input("embeds", tooltip="Embeds of a reference."),
                io.Float.Input("weight", default=1.0, min=-5.0, max=5.0, step=0.01, tooltip="Multiplies them."),
                io.Int.Input("power", default=1, min=1, max=2, tooltip="How often."),
            ],
            outputs=[wires.EmbedsWire.Output("embeds", tooltip="The embeds, multiplied.")],
        )

    @classmethod
    def execute(cls, embeds: Embeds, weight: float, power: int = 1) -> io.NodeOutput:
        return io.NodeOutput(weighted(embeds, [float(weight) ** power]))


NODES = [OldLayers, OldNegative, OldHints, OldLora, OldWeight]
