"""The hidden node that the loader of PuLID_ComfyUI's image encoder becomes."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from .thin import hidden_schema


class OldFaceTower(io.ComfyNode):
    """Finds EVA02-CLIP in models/clip_vision by its contents, where the old node fetched it from its publisher."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldFaceTower",
            "EVA02-CLIP of an Old Node",
            "eva clip",
            inputs=[],
            outputs=[io.ClipVision.Output("clip_vision", tooltip="For 'clip_vision' of Apply IP-Adapter.")],
        )

    @classmethod
    def fingerprint_inputs(cls) -> str:
        from ..files import installed

        return installed.listing()

    @classmethod
    def execute(cls) -> io.NodeOutput:
        from ..files.installed import face_tower

        return io.NodeOutput(face_tower())


NODES = [OldFaceTower]
