"""The node that guides by what the references change, with a second call of the model without them."""

from __future__ import annotations

from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io

from ...attention.weights.schedule import Range
from ..page.description import described
from ..page.notice import noted
from ..page.sliders import sampling_range, usually


class ReferenceGuidance(io.ComfyNode):
    """Makes the references of a prompt count more or less by comparing the model with and without them at every step."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessReferenceGuidance",
            display_name="Reference Guidance",
            category="likeness/weights",
            description=described(cls),
            search_aliases=["reference cfg", "image guidance", "kontext guidance", "stronger reference", "guider"],
            inputs=[
                io.Model.Input(
                    "model", tooltip="A model that reads references: FLUX.1 Kontext, FLUX.2, Qwen-Image-Edit."
                ),
                io.Conditioning.Input(
                    "positive", tooltip="The prompt with its references. The node makes the one without them by itself."
                ),
                io.Float.Input(
                    "reference_scale",
                    default=1.5,
                    min=-5.0,
                    max=10.0,
                    step=0.01,
                    extra_dict=usually(0.0, 3.0),
                    tooltip="How far to go from the picture without references to the one with them. 1 is the model as it is and costs "
                    "nothing, 0 is without references; anything else is one more call of the model at every step.",
                ),
                io.Float.Input(
                    "cfg",
                    optional=True,
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    extra_dict=usually(1.0, 8.0),
                    tooltip="Guidance away from the negative prompt, as in CFG Guider. 1 without a negative prompt.",
                ),
                io.Conditioning.Input(
                    "negative",
                    optional=True,
                    tooltip="The negative prompt, for a cfg other than 1. It is used as it is.",
                ),
                *sampling_range(
                    "start_percent",
                    "Where in the sampling it begins to act, 0 being the first step. Before it the model is as it is.",
                    "end_percent",
                    "Where in the sampling it stops, 1 being the last step. After it the model is as it is and costs no more.",
                ),
            ],
            outputs=[io.Guider.Output(tooltip="For SamplerCustomAdvanced.")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        model: ModelPatcher,
        positive: Any,
        reference_scale: float = 1.5,
        cfg: float = 1.0,
        negative: Any = None,
        start_percent: float = 0.0,
        end_percent: float = 1.0,
    ) -> io.NodeOutput:
        from ...attention.sampling.reference_guider import ReferenceGuider

        if negative is None and cfg != 1:
            raise ValueError(
                f"cfg is {cfg:g}, which guides away from a negative prompt: connect 'negative', or set cfg to 1."
            )
        guider = ReferenceGuider(model, reference_scale, Range(start_percent, end_percent))
        guider.set_prompts(positive, negative)
        guider.set_cfg(cfg)
        return noted(cls, _cost(reference_scale, cfg), guider)


def _cost(scale: float, cfg: float) -> str:
    """What a step costs, in calls of the model for each picture."""
    if scale == 1:
        return "reference_scale 1: the model as it is, no call more"
    calls = 1 + bool(scale) + (cfg != 1)
    usual = 1 + (cfg != 1)
    within = "without references alone" if not scale else "with and without references"
    return f"{within}: {calls} predictions a step, {usual} without this node"


NODES = [ReferenceGuidance]
