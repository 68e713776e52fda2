"""ComfyUI nodes that give the world's models, and pictures that its program draws."""

from __future__ import annotations

from dataclasses import replace

import numpy
from comfy_api.latest import io

from .pictures import Drawn, as_images
from .shapes import ATTRIBUTES, any_shape, caption_shape, draw_shape

# The models pull in the whole host, so each node imports them when it runs.

CATEGORY = "miniature/world"


class WorldModel(io.ComfyNode):
    """The base model of the drawn world: trained from nothing on its pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureWorldModel",
            display_name="World Model",
            category=CATEGORY,
            description=cls.__doc__ or "",
            inputs=[],
            outputs=[io.Model.Output(), io.Clip.Output(), io.Vae.Output()],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        from . import models

        return io.NodeOutput(models.unet(), models.clip(), models.vae())


class WorldCLIPVision(io.ComfyNode):
    """The image encoder that the world's IP-Adapter reads: trained to tell what drawn shapes look like."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureWorldCLIPVision",
            display_name="World CLIP Vision",
            category=CATEGORY,
            description=cls.__doc__ or "",
            inputs=[],
            outputs=[io.ClipVision.Output()],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        from . import models

        return io.NodeOutput(models.clip_vision())


class DrawnShape(io.ComfyNode):
    """A picture of one shape, drawn with the attributes that are chosen; the seed moves and turns it a little."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        choices = [io.Combo.Input(name, options=list(values)) for name, values in ATTRIBUTES.items()]
        return io.Schema(
            node_id="MiniatureDrawnShape",
            display_name="Drawn Shape",
            category=CATEGORY,
            description=cls.__doc__ or "",
            inputs=[
                *choices,
                io.Int.Input("seed", default=0, min=0, max=2**32 - 1, tooltip="Decides place, size and turn."),
            ],
            outputs=[io.Image.Output(), io.String.Output("caption")],
        )

    @classmethod
    def execute(cls, seed: int, **chosen: str) -> io.NodeOutput:
        shape = replace(any_shape(numpy.random.default_rng(seed)), **chosen)
        return io.NodeOutput(as_images([Drawn(draw_shape(shape), "")]), caption_shape(shape))


NODES: list[type[io.ComfyNode]] = [WorldModel, WorldCLIPVision, DrawnShape]
