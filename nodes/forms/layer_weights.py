"""The node that says how strongly a reference acts in each block."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...attention.models.families import FAMILIES
from ...attention.weights.layer_presets import BOOSTED, LAYER_PRESETS, LINEAR, preset
from ...attention.weights.layer_weights import LayerWeights
from .. import wires
from ..page.description import described
from ..page.editor_tables import factors
from ..page.notice import for_page, noted
from ..page.own import OWN, check_own
from ..page.sliders import usually
from ..page.unused import only_with


class LayerWeightsNode(io.ComfyNode):
    """A factor for each block of the model, from a preset or from numbers, for 'layers' of an Apply node."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessLayerWeights",
            display_name="Layer Weights",
            category="likeness/weights",
            description=described(cls),
            search_aliases=["layer weights", "block weights", "weight type", "composition"],
            inputs=[
                io.Combo.Input(
                    "family",
                    options=sorted(FAMILIES, reverse=True),
                    default="sdxl",
                    tooltip="The base model: SDXL has 11 blocks with cross-attention, SD1.5 has 16, FLUX.1 has 19 double blocks "
                    "for XLabs (flux) and 57 blocks for InstantX (flux_all), SD3.5 Large has 38 (sd35l), Wan 14B has 40, Wan 1.3B has 30.",
                ),
                io.Combo.Input(
                    "preset",
                    optional=True,
                    options=[*LAYER_PRESETS, OWN],
                    default=LINEAR,
                    tooltip="A named set of factors. linear: 1 everywhere. style and composition: the blocks that "
                    "InstantStyle found. 'precise' ones push the other part away. own: those in 'weights', which go before any preset.",
                ),
                io.Float.Input(
                    "boost",
                    optional=True,
                    default=1.0,
                    min=-5.0,
                    max=5.0,
                    step=0.01,
                    extra_dict=usually(0.0, 2.0) | only_with("preset", BOOSTED),
                    tooltip="The second factor of presets with two parts: composition in 'style and composition', what "
                    "is pushed away in the 'precise' ones. Others do not use it.",
                ),
                io.String.Input(
                    "weights",
                    optional=True,
                    default="",
                    multiline=True,
                    advanced=True,
                    placeholder="0:1, 3:0.5, 6:1",
                    tooltip="Your own factors instead of the preset, as the bars write them: 'block:factor' pairs, !3:1 "
                    'to push away in block 3; or diffusers\' dictionary such as {"up": {"block_0": [0, 1, 0]}}. '
                    "Blocks that are not named get 0.",
                ),
            ],
            outputs=[
                wires.LayersWire.Output(
                    "layers", tooltip="For 'layers' of Apply IP-Adapter, Apply InstantID or Scale Image Branch."
                )
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls, family: str = "sdxl", preset: str = LINEAR, boost: float = 1.0, weights: str = ""
    ) -> io.NodeOutput:
        layers = _layers(family, preset, boost, weights)
        return for_page(noted(cls, _text(layers), layers), layers=factors(layers))


def _layers(family: str, name: str, boost: float, text: str) -> LayerWeights:
    from ...attention.weights.layer_text import parse

    check_own("preset", name, "weights", text)
    return parse(text, family) if text.strip() else preset(name, family, boost)


def _text(layers: LayerWeights) -> str:
    if not layers.text:
        return "every factor is 0: the branch does nothing"
    swapped = ", ".join(map(str, sorted(layers.swapped)))
    return f"{layers.text}\npushed away in: {swapped}" if swapped else layers.text


NODES = [LayerWeightsNode]
