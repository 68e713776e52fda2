"""ComfyUI nodes that give the world's models, and pictures that its program draws."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy
from comfy_api.latest import io

from .faces import BACKGROUNDS, EXPRESSIONS, any_pose, draw_face, keypoints
from .people import STRANGERS, strangers
from .pictures import Drawn, as_images
from .shapes import ATTRIBUTES, SIDE, any_shape, caption_shape, draw_shape

# The models pull in the whole host, so each node imports them when it runs.

CATEGORY = "miniature/world"
SIZE = 478  # points of MediaPipe's mesh, with irises
MESH = {468: 0, 473: 1, 1: 2, 61: 3, 291: 4}  # its points -> the five keypoints


def drawn_seed(says: str) -> io.Int.Input:
    return io.Int.Input("seed", default=0, min=0, max=2**32 - 1, tooltip=says)


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


class WorldIdentityNet(io.ComfyNode):
    """The world's trained IdentityNet."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureWorldIdentityNet",
            display_name="World IdentityNet",
            category=CATEGORY,
            description=cls.__doc__ or "",
            inputs=[],
            outputs=[io.ControlNet.Output()],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        from . import models

        return io.NodeOutput(models.identitynet())


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
            inputs=[*choices, drawn_seed("Decides place, size and turn.")],
            outputs=[io.Image.Output(), io.String.Output("caption")],
        )

    @classmethod
    def execute(cls, seed: int, **chosen: str) -> io.NodeOutput:
        shape = replace(any_shape(numpy.random.default_rng(seed)), **chosen)
        return io.NodeOutput(as_images([Drawn(draw_shape(shape), "")]), caption_shape(shape))


class DrawnFace(io.ComfyNode):
    """A picture of one of the people on whom neither base model nor adapters were trained, and where its keypoints are."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureDrawnFace",
            display_name="Drawn Face",
            category=CATEGORY,
            description=cls.__doc__ or "",
            inputs=[
                io.Int.Input("person", default=0, min=0, max=STRANGERS - 1, tooltip="Which of the people."),
                io.Combo.Input("expression", options=list(EXPRESSIONS)),
                io.Combo.Input("background", options=list(BACKGROUNDS)),
                drawn_seed("Decides how the head is held."),
            ],
            outputs=[
                io.Image.Output(),
                io.String.Output("keypoints", tooltip="As Render Keypoints reads them."),
                io.Custom("FACE_LANDMARKS").Output("landmarks", tooltip="As Find Faces reads them."),
            ],
        )

    @classmethod
    def execute(cls, person: int, expression: str, background: str, seed: int) -> io.NodeOutput:
        pose = replace(any_pose(numpy.random.default_rng(seed)), expression=expression, background=background)
        points = keypoints(pose)
        image = as_images([Drawn(draw_face(strangers()[person], pose), "")])
        told = {"width": SIDE, "height": SIDE, "faces": [points.round(2).tolist()]}
        return io.NodeOutput(image, json.dumps(told), landmarks(points, SIDE))


def landmarks(points: Any, side: int) -> dict[str, Any]:
    """Five keypoints as the host's FACE_LANDMARKS: the mesh has them at their places and their mean elsewhere."""
    mesh = numpy.tile(points.mean(axis=0), (SIZE, 1)).astype(numpy.float32)
    for place, number in MESH.items():
        mesh[place] = points[number]
    low, high = points.min(axis=0), points.max(axis=0)
    face = {"landmarks_xy": mesh, "bbox_xyxy": numpy.concatenate([low, high]).astype(numpy.float32), "score": 1.0}
    return {"frames": [[face]], "image_size": (side, side)}


NODES: list[type[io.ComfyNode]] = [WorldModel, WorldCLIPVision, WorldIdentityNet, DrawnShape, DrawnFace]
