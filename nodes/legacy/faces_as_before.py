"""Hidden nodes that old nodes become: noise, keypoints, prompts and crops of faces as the old packs made them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...face.value import FaceBatch
from .. import wires
from ..people.people import no_face
from ..wires import FacesWire
from .thin import hidden_schema

if TYPE_CHECKING:
    from ...attention.identitynet.apply import Conditioning

log = logging.getLogger(__name__)

_SEEDS = 1_000_000_007
_CROPS = {"sd15": 224, "sdxl": 256}
_OF_KOLORS = 336


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


class OldKeypoints(io.ComfyNode):
    """The keypoints that were drawn of each picture; where no face was found, the picture itself, as one that was drawn
    already."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldKeypoints",
            "Keypoint Pictures of an Old Node",
            "image_kps",
            inputs=[
                io.Image.Input("image", tooltip="Photos, or pictures of keypoints."),
                io.Image.Input("drawn", tooltip="Keypoints drawn of the faces in them; black where there is none."),
            ],
            outputs=[io.Image.Output("image", tooltip="A keypoint picture for each.")],
        )

    @classmethod
    def execute(cls, image: Tensor, drawn: Tensor) -> io.NodeOutput:
        empty = drawn.flatten(1).amax(1) == 0
        if empty.any():
            numbers = ", ".join(str(i) for i in empty.nonzero().flatten().tolist())
            log.warning("likeness: no face in picture %s of 'image_kps': used as a keypoint picture", numbers)
        return io.NodeOutput(torch.where(empty.view(-1, 1, 1, 1), image[..., :3].to(drawn), drawn))


class OldFaceText(io.ComfyNode):
    """Both prompts as the first Apply InstantID gave them: a ControlNet that follows reads the face instead of the text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldFaceText",
            "Face for ControlNets of an Old Node",
            "image_features",
            inputs=[
                wires.AdapterWire.Input("adapter", tooltip="InstantID's."),
                FacesWire.Input("faces", tooltip="One embedded face."),
                io.Conditioning.Input("positive", tooltip="The prompt."),
                io.Conditioning.Input("negative", tooltip="The negative prompt."),
            ],
            outputs=[
                io.Conditioning.Output("positive", tooltip="The prompt, with the face for ControlNets."),
                io.Conditioning.Output("negative", tooltip="The negative prompt, with no face for ControlNets."),
            ],
        )

    @classmethod
    def execute(
        cls, adapter: wires.LoadedAdapter, faces: FaceBatch, positive: Conditioning, negative: Conditioning
    ) -> io.NodeOutput:
        from ..people.face_reference import embeds_of_faces

        sides = ((positive, embeds_of_faces(adapter.adapter, faces, None, False)), (negative, no_face()))
        return io.NodeOutput(*(_read_by_nets(entries, adapter.adapter.tokens(face)) for entries, face in sides))


def _read_by_nets(entries: Conditioning, tokens: Tensor) -> Conditioning:
    return [[entry[0], {**entry[1], "cross_attn_controlnet": tokens}] for entry in entries]


class OldFaceImage(io.ComfyNode):
    """The upright faces that an old node showed: of 224 pixels for SD1.5, of 256 for SDXL, of 336 for Kolors."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldFaceImage",
            "Face Image of an Old Node",
            "face_image",
            inputs=[
                wires.AdapterWire.Input("adapter", tooltip="The adapter; its base model decides the size."),
                FacesWire.Input("faces", tooltip="A face of every picture."),
            ],
            outputs=[io.Image.Output("face_image", tooltip="The faces, upright.")],
        )

    @classmethod
    def execute(cls, adapter: wires.LoadedAdapter, faces: FaceBatch) -> io.NodeOutput:
        from ...face.align import crop
        from ...face.picture import to_image

        identity = adapter.adapter.identity
        size = _OF_KOLORS if identity.variant.beside_text else _CROPS[identity.family.name]
        return io.NodeOutput(to_image([crop(face, size) for entry in faces for face in entry.faces]))


def old_seed(faces: FaceBatch) -> int:
    """The whole part of the sum of the first face's raw embedding, as a seed."""
    from ...face.embed import embeddings

    first = next(face for entry in faces for face in entry.faces)
    return int(embeddings([first]).sum()) % _SEEDS


NODES = [OldFaceNoise, OldKeypoints, OldFaceText, OldFaceImage]
