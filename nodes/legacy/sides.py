"""The hidden node that lets an old node's branch tell positive from negative as the old packs did."""

from __future__ import annotations

from dataclasses import replace

from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io

from .thin import hidden_schema


class OldSides(io.ComfyNode):
    """Lets references tell positive prompts from negative ones by their place in a call of the model, as before."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldSides",
            "Sides of an Old Node",
            "cond_or_uncond",
            inputs=[
                io.Model.Input("model", tooltip="The model that was steered."),
                io.Model.Input("before", tooltip="The same before that: what was attached to it is not of this node."),
            ],
            outputs=[io.Model.Output(tooltip="The model; in each call the second prompt is the negative one.")],
        )

    @classmethod
    def execute(cls, model: ModelPatcher, before: ModelPatcher) -> io.NodeOutput:
        from ...attention.sampling.attach import attachments, with_attachments

        others = attachments(before)
        attached = tuple(one if one in others else replace(one, by_place=True) for one in attachments(model))
        return io.NodeOutput(with_attachments(model, attached))


NODES = [OldSides]
