"""The node that puts a Redux picture into a prompt and remembers where, so that Reference Weights can weigh it."""

from __future__ import annotations

import importlib
from typing import Any

from comfy_api.v0_0_2 import io

from ..page.description import described
from ..page.notice import noted

StyleModel = io.Custom("STYLE_MODEL")
"""The host's own wire."""


class ReduxPicture(io.ComfyNode):
    """Puts a picture into the prompt as Apply Style Model does, and marks its tokens for Reference Weights."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessReduxPicture",
            display_name="Redux Picture",
            category="likeness/weights",
            description=described(cls),
            search_aliases=["apply style model", "flux redux", "style model", "image variation"],
            inputs=[
                io.Conditioning.Input(
                    "conditioning", tooltip="A prompt for FLUX.1. Several Redux pictures go in a row."
                ),
                StyleModel.Input("style_model", tooltip="FLUX.1 Redux, from Load Style Model."),
                io.ClipVisionOutput.Input(
                    "clip_vision_output", tooltip="What SigLIP sees of the picture, from CLIP Vision Encode."
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    tooltip="The prompt with the picture at its end. Nodes that change the text go before, or its place is lost."
                )
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, conditioning: Any, style_model: Any, clip_vision_output: Any) -> io.NodeOutput:
        from ...attention.branch.redux import MARKS, marked

        host = importlib.import_module("nodes")  # by name, for our own package is called so too
        (made,) = host.StyleModelApply().apply_stylemodel(
            conditioning, style_model, clip_vision_output, 1.0, "multiply"
        )
        found = marked(conditioning, made)
        marks = found[0][1][MARKS] if found else ()
        tokens = f", {marks[-1].tokens.shape[1]} tokens" if marks else ""
        return noted(cls, f"Redux picture {len(marks)}{tokens}", found)


NODES = [ReduxPicture]
