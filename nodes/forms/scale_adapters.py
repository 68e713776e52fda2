"""The node that turns everything attached to a model up or down."""

from __future__ import annotations

from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io

from ..page.description import described
from ..page.notice import noted
from ..page.sliders import usually


class ScaleAdapters(io.ComfyNode):
    """Multiplies the weight of every reference attached to a model. 0 switches them all off."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessScaleAdapters",
            display_name="Scale Adapters",
            category="likeness/weights",
            description=described(cls),
            search_aliases=["ipadapter weight", "bypass ipadapter", "disable adapters", "strength"],
            inputs=[
                io.Model.Input("model", tooltip="A model with references: one or several Apply nodes before this one."),
                io.Float.Input(
                    "factor",
                    default=1.0,
                    min=-5.0,
                    max=5.0,
                    step=0.01,
                    extra_dict=usually(0.0, 2.0),
                    tooltip="1 changes nothing, 0 leaves the model exactly as it was before any reference. IdentityNet "
                    "and FaceID's LoRA have strengths of their own and stay as they are.",
                ),
            ],
            outputs=[
                io.Model.Output(tooltip="The model with all its references scaled. The one that came in is unchanged.")
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, model: ModelPatcher, factor: float = 1.0) -> io.NodeOutput:
        from ...attention.sampling.attach import attachments, with_attachments

        before = attachments(model)
        if not before:
            return noted(cls, "nothing is attached to this model", model)
        after = tuple(effect.scaled(factor) for effect in before)
        lines = (f"{b.label}: {b.weight:g} -> {a.weight:g}" for b, a in zip(before, after, strict=True))
        return noted(cls, "\n".join(lines), with_attachments(model, after))


NODES = [ScaleAdapters]
