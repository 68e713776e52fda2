"""The node that steers a model with a reference."""

from __future__ import annotations

from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from torch import Tensor

from ..attention.attach import attach
from ..attention.attachment import Attachment
from ..attention.branch import key_values, unconditional
from ..attention.embeds import Embeds
from ..attention.encode import encode
from ..attention.fit import check_fits
from . import wires
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
                wires.AdapterWire.Input("adapter"),
                io.Float.Input(
                    "weight",
                    default=1.0,
                    min=-1.0,
                    max=5.0,
                    step=0.01,
                    tooltip="How strongly the reference acts beside the text. 0 leaves the model exactly as it was, "
                    "0.5 to 0.8 leaves room for the text, 1 is the authors' default, below 0 steers away from it.",
                ),
                io.Float.Input(
                    "start_percent",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    advanced=True,
                    tooltip="Where in the sampling the reference begins to act, 0 being the first step.",
                ),
                io.Float.Input(
                    "end_percent",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    advanced=True,
                    tooltip="Where in the sampling it stops, 1 being the last step. Outside it costs nothing.",
                ),
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
                io.Mask.Input(
                    "attn_mask",
                    optional=True,
                    tooltip="Where in the new picture the reference acts: 1 yes, 0 no. It is scaled to the picture.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="The model, steered. The one that came in is unchanged.")],
        )

    @classmethod
    def execute(
        cls,
        model: ModelPatcher,
        adapter: wires.LoadedAdapter,
        weight: float = 1.0,
        start_percent: float = 0.0,
        end_percent: float = 1.0,
        image: Tensor | None = None,
        embeds: Embeds | None = None,
        negative_embeds: Embeds | None = None,
        clip_vision: Any | None = None,
        attn_mask: Tensor | None = None,
    ) -> io.NodeOutput:
        check_fits(adapter.adapter, model)
        embeds = _reference(adapter, image, embeds, clip_vision)
        if negative_embeds is None:
            negative_embeds = unconditional(adapter.adapter, clip_vision or adapter.clip_vision)
        attachment = Attachment(
            positive=key_values(adapter.adapter, embeds),
            negative=key_values(adapter.adapter, negative_embeds),
            scale=weight,
            start_percent=start_percent,
            end_percent=end_percent,
            attn_mask=attn_mask,
            label=adapter.adapter.name,
        )
        return io.NodeOutput(attach(model, attachment))


def _reference(
    adapter: wires.LoadedAdapter, image: Tensor | None, embeds: Embeds | None, clip_vision: Any | None
) -> Embeds:
    if image is not None and embeds is None:
        return encode(encoder_for(adapter, clip_vision), image)
    if embeds is not None and image is None:
        return embeds
    both = "both are" if image is not None else "neither is"
    raise ValueError(f"Apply IP-Adapter takes its reference from 'image' or from 'embeds'; {both} connected.")


NODES = [ApplyIPAdapter]
