"""The node that shows what the references on a model will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import comfy.samplers
from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io

from ..page.description import described
from ..page.sliders import SLIDER

if TYPE_CHECKING:
    from ...attention.sampling.strengths import Strengths


class ShowAdapters(io.ComfyNode):
    """Shows how strongly every reference on a model will act, in each block at each step, before anything is sampled."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessShowAdapters",
            display_name="Show Adapters",
            category="likeness/weights",
            description=described(cls),
            search_aliases=["preview weights", "debug ipadapter", "layer weights", "what is attached"],
            inputs=[
                io.Model.Input("model", tooltip="A model with references: the one that goes to the sampler."),
                io.Int.Input("steps", optional=True, default=20, min=1, max=1000, tooltip="Steps, as in the sampler."),
                io.Combo.Input(
                    "scheduler",
                    optional=True,
                    options=comfy.samplers.KSampler.SCHEDULERS,
                    default="normal",
                    tooltip="Scheduler, as in the sampler: it decides where in the sampling each step is.",
                ),
                io.Float.Input(
                    "denoise",
                    optional=True,
                    default=1.0,
                    min=0.01,
                    max=1.0,
                    step=0.01,
                    display_mode=SLIDER,
                    advanced=True,
                    tooltip="Denoise, as in the sampler: below 1 the first part of sampling is left out.",
                ),
            ],
            outputs=[
                io.Image.Output("image", tooltip="The picture that the node shows."),
                io.Model.Output("same_model", display_name="model", tooltip="The model as it came in."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls, model: ModelPatcher, steps: int = 20, scheduler: str = "normal", denoise: float = 1.0
    ) -> io.NodeOutput:
        from ...attention.sampling.attach import attachments
        from ...attention.sampling.strengths import strengths
        from ..page.notice import for_page
        from ..page.plot_adapters import adapters_picture, told_to_page
        from ..page.show import shown

        attached = attachments(model)
        if not attached:
            raise ValueError(
                "Show Adapters: nothing is attached to this model. Connect the model that comes out of Apply "
                "IP-Adapter, Apply InstantID, Scale Image Branch or Reference Weights."
            )
        sampling = model.get_model_object("model_sampling")
        levels = comfy.samplers.calculate_sigmas(sampling, scheduler, int(steps / denoise))[-(steps + 1) : -1].tolist()
        branches = strengths(attached, sampling, levels)
        picture = adapters_picture(branches, levels)
        output = shown(cls, "\n".join(map(_line, branches)), picture, picture, model)
        return for_page(output, strengths=told_to_page(branches, levels))


def _line(branch: Strengths) -> str:
    blocks, steps = len(branch.places), len(branch.factors)
    acts = f"{branch.acting_blocks} of {blocks} blocks, {branch.acting_steps} of {steps} steps"
    return f"{branch.attachment.label}: {acts if branch.acts else 'does not act'}"


NODES = [ShowAdapters]
