"""Hidden nodes that old nodes become: layers, negatives and noise as the old packs made them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io

from ...attention.models.families import layers
from ...attention.reference.embeds import Embeds
from ...attention.weights.layer_presets import LAYER_PRESETS, LINEAR, preset
from ...attention.weights.layer_weights import LayerWeights
from ...face.value import FaceBatch
from .. import wires
from ..people.people import no_face
from ..wires import FacesWire
from .thin import hidden_schema

if TYPE_CHECKING:
    from ...attention.adapter.adapter import Adapter

_SEEDS = 1_000_000_007


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
                io.String.Input("weights", default="", tooltip="'block:weight' pairs instead of the preset."),
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
        chosen = parse(weights, family) if weights.strip() else two_parts(preset, family, weight, second)
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

        encoder = encoder_for(adapter, clip_vision) if adapter.adapter.identity.variant.encodes_zero_pixels else None
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


class OldFaceNoise(io.ComfyNode):
    """The noise that the old InstantID nodes put in place of the empty face: its seed came from the face itself."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldFaceNoise",
            "Face Noise of an Old Node",
            "noise",
            inputs=[
                FacesWire.Input("faces", tooltip="One embedded face, which decides the seed."),
                io.Float.Input("noise", default=0.35, min=0.0, max=1.0, step=0.01, tooltip="How much noise."),
            ],
            outputs=[
                io.Int.Output("noise_seed", tooltip="For 'noise_seed' of Apply InstantID."),
                wires.EmbedsWire.Output("negative_embeds", tooltip="For 'negative_embeds' of Apply IP-Adapter."),
            ],
        )

    @classmethod
    def execute(cls, faces: FaceBatch, noise: float) -> io.NodeOutput:
        seed = old_seed(faces)
        return io.NodeOutput(seed, no_face(noise, seed))


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


def old_seed(faces: FaceBatch) -> int:
    """The whole part of the sum of the first face's raw embedding, as a seed."""
    from ...face.embed import embeddings

    first = next(face for entry in faces for face in entry.faces)
    return int(embeddings([first]).sum()) % _SEEDS


NODES = [OldLayers, OldNegative, OldFaceNoise, OldHints]
