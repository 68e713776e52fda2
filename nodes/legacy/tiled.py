"""Hidden nodes that the old tiled nodes become: tiles with their places, and a branch for each place."""

from __future__ import annotations

from typing import Any

from comfy_api.v0_0_2 import io
from comfy_execution.graph_utils import GraphBuilder
from torch import Tensor

from ...attention.reference.combine import COMBINATIONS, CONCAT, PER_FRAME
from .. import wires
from ..branch_settings import advanced_inputs, weight_inputs, wire_inputs
from .pictures import tiles
from .thin import hidden_schema


class OldTiles(io.ComfyNode):
    """Takes a picture apart into tiles, and says where each of them is."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldTiles",
            "Tiles of an Old Node",
            "tiles",
            inputs=[
                io.Image.Input("image", tooltip="The reference picture, or several."),
                io.Float.Input("sharpening", default=0.0, min=0.0, max=1.0, step=0.05, tooltip="Sharpens the tiles."),
                io.Mask.Input("mask", optional=True, tooltip="Where in the new picture the tiles act."),
            ],
            outputs=[
                io.Image.Output("tiles", display_name="tiles", tooltip="The tiles, place by place."),
                io.Mask.Output("masks", display_name="masks", tooltip="The place of each tile."),
            ],
        )

    @classmethod
    def execute(cls, image: Tensor, sharpening: float = 0.0, mask: Tensor | None = None) -> io.NodeOutput:
        return io.NodeOutput(*tiles(image, mask, sharpening))


class OldTile(io.ComfyNode):
    """One place: its tile of every picture, and its mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldTile",
            "Tile of an Old Node",
            "tile",
            inputs=[
                io.Image.Input("tiles", tooltip="Tiles, place by place."),
                io.Mask.Input("masks", tooltip="The place of each tile."),
                io.Int.Input("place", default=0, min=0, max=63, tooltip="Which place, counted from 0."),
            ],
            outputs=[
                io.Image.Output("tile", display_name="tile", tooltip="The tile of every picture at that place."),
                io.Mask.Output("mask", display_name="mask", tooltip="Where it is."),
            ],
        )

    @classmethod
    def execute(cls, tiles: Tensor, masks: Tensor, place: int) -> io.NodeOutput:
        pictures = len(tiles) // len(masks)
        return io.NodeOutput(tiles[place * pictures : (place + 1) * pictures], masks[place : place + 1])


class OldApplyTiles(io.ComfyNode):
    """Steers a model with every tile in its own place only: one Apply IP-Adapter for each."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return hidden_schema(
            cls,
            "LikenessOldApplyTiles",
            "Apply Tiles of an Old Node",
            "tiles",
            inputs=[
                io.Model.Input("model", tooltip="The model to steer."),
                wires.AdapterWire.Input("adapter", tooltip="The adapter."),
                io.Image.Input("tiles", tooltip="Tiles, place by place."),
                io.Mask.Input("masks", tooltip="The place of each tile."),
                *weight_inputs(1.0, "For each tile."),
                io.Combo.Input(
                    "combine",
                    optional=True,
                    options=[*COMBINATIONS, PER_FRAME],
                    default=CONCAT,
                    tooltip="What several pictures become.",
                ),
                *advanced_inputs(),
                wires.EmbedsWire.Input("negative_embeds", optional=True, tooltip="What to steer away from."),
                io.ClipVision.Input("clip_vision", optional=True, tooltip="Its encoder, unless the loader has one."),
                *(entry for entry in wire_inputs() if entry.id != "attn_mask"),
            ],
            outputs=[io.Model.Output(tooltip="The model, steered. The one that came in is unchanged.")],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, masks: Tensor, **_: Any) -> io.NodeOutput:
        dynprompt: Any = cls.hidden.dynprompt
        inputs = dict(dynprompt.get_node(cls.hidden.unique_id)["inputs"])
        cut = {"tiles": inputs.pop("tiles"), "masks": inputs.pop("masks")}
        graph = GraphBuilder()
        model = inputs.pop("model")
        for place in range(len(masks)):
            tile = graph.node("LikenessOldTile", **cut, place=place)
            shown = {"image": tile.out(0), "attn_mask": tile.out(1)}
            model = graph.node("LikenessApplyIPAdapter", **inputs, **shown, model=model).out(0)
        return io.NodeOutput(model, expand=graph.finalize())


NODES = [OldTiles, OldTile, OldApplyTiles]
