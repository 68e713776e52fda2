"""The node that steers a model with a reference."""

from __future__ import annotations

from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from torch import Tensor

from ..attention.adapter import Adapter
from ..attention.attach import attach
from ..attention.branch import key_values, unconditional
from ..attention.combine import COMBINATIONS, CONCAT, PER_FRAME, combined
from ..attention.embeds import Embeds
from ..attention.encode import encode
from ..attention.fit import check_fits
from ..attention.key_values import Source
from . import wires
from .branch_settings import BranchSettings, advanced_inputs, weight_inputs, wire_inputs
from .encoder import encoder_for


class ApplyIPAdapter(io.ComfyNode):
    """Steers a model with a reference: its picture becomes a second prompt beside the text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessApplyIPAdapter",
            display_name="Apply IP-Adapter",
            category="likeness",
            description=cls.__doc__ or "",
            search_aliases=["ipadapter", "ip-adapter", "image prompt", "style transfer", "reference", "faceid"],
            inputs=[
                io.Model.Input("model", tooltip="The model to steer: an SD1.5 or SDXL one, as the adapter is."),
                wires.AdapterWire.Input("adapter", tooltip="From Load IP-Adapter."),
                *weight_inputs(
                    1.0, "0.5 to 0.8 leaves room for the text, 1 is the authors' default, below 0 steers away from it."
                ),
                io.Combo.Input(
                    "combine",
                    options=[*COMBINATIONS, PER_FRAME],
                    default=CONCAT,
                    tooltip="What several pictures become. concat: all of them act together, as the authors do. average "
                    "and the others: one mixed reference. one per frame: picture i is for picture i of the batch.",
                ),
                *advanced_inputs(),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The reference. Several pictures act together as one. Or connect 'embeds'.",
                ),
                wires.EmbedsWire.Input("embeds", optional=True, tooltip="From Encode Reference, instead of 'image'."),
                wires.EmbedsWire.Input(
                    "negative_embeds",
                    optional=True,
                    tooltip="What to steer away from. Not connected: the adapter's own 'no reference'.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="The image encoder the adapter was made for. Not needed when the loader has one.",
                ),
                *wire_inputs(),
            ],
            outputs=[io.Model.Output(tooltip="The model, steered. The one that came in is unchanged.")],
        )

    @classmethod
    def execute(
        cls,
        model: ModelPatcher,
        adapter: wires.LoadedAdapter,
        combine: str = CONCAT,
        image: Tensor | None = None,
        embeds: Embeds | None = None,
        negative_embeds: Embeds | None = None,
        clip_vision: Any | None = None,
        **settings: Any,
    ) -> io.NodeOutput:
        check_fits(adapter.adapter, model)
        reference = _reference(adapter, image, embeds, clip_vision)
        if negative_embeds is None:
            negative_embeds = unconditional(adapter.adapter, clip_vision or adapter.clip_vision)
        positive, negative = (_key_values(adapter.adapter, e, combine) for e in (reference, negative_embeds))
        return io.NodeOutput(attach(model, BranchSettings(**settings).attachment(adapter.adapter, positive, negative)))


def _reference(
    adapter: wires.LoadedAdapter, image: Tensor | None, embeds: Embeds | None, clip_vision: Any | None
) -> Embeds:
    if image is not None and embeds is None:
        return encode(encoder_for(adapter, clip_vision), image)
    if embeds is not None and image is None:
        return embeds
    both = "both are" if image is not None else "neither is"
    raise ValueError(f"Apply IP-Adapter takes its reference from 'image' or from 'embeds'; {both} connected.")


def _key_values(adapter: Adapter, embeds: Embeds, combine: str) -> Source:
    if combine == PER_FRAME:
        return key_values(adapter, embeds, per_frame=True)
    return key_values(adapter, combined(embeds, combine))


NODES = [ApplyIPAdapter]
