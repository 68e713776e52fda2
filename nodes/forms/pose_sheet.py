"""The node that draws one keypoint picture for each of a list of head poses."""

from __future__ import annotations

import json
from typing import Any

from comfy_api.v0_0_2 import io

from ...face.pose import to_json
from ...face.pose_sheet import CROWD, FRAMES, parse_poses, pose_sheets
from ..page.description import described
from ..page.notice import for_page
from ..page.unused import instead


class PoseSheet(io.ComfyNode):
    """Draws the keypoints of one or several people in many poses of the head: a batch of pictures, one for each pose."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessPoseSheet",
            display_name="Pose Sheet",
            category="likeness/face",
            description=described(cls),
            search_aliases=[
                "head poses",
                "character sheet",
                "turnaround",
                "face angles",
                "instantid poses",
                "pose batch",
            ],
            inputs=[
                io.String.Input(
                    "poses",
                    optional=True,
                    default="",
                    multiline=True,
                    tooltip="A picture for each line, as the tiles on the node write it: frontal, three-quarter left, "
                    "three-quarter right, profile left, profile right, up, down, or degrees to the right, upwards and tilted, "
                    "as '-40 10 5'. Several people are parted by ';'. Empty: a turnaround of five.",
                ),
                io.Int.Input(
                    "people",
                    optional=True,
                    default=1,
                    min=1,
                    max=CROWD,
                    tooltip="How many people are in each picture, side by side. Where a line of 'poses' has fewer, its last "
                    "pose is that of everybody else.",
                ),
                io.Combo.Input(
                    "framing",
                    optional=True,
                    options=list(FRAMES),
                    default="portrait",
                    tooltip="How large heads are: 38, 18 or 9 % of the height, smaller where people have no room beside "
                    "each other. Under 10 % little likeness is left.",
                ),
                io.Int.Input(
                    "width",
                    optional=True,
                    default=1016,
                    min=16,
                    max=16384,
                    extra_dict=instead("latent"),
                    tooltip="Width of the pictures: the one you generate.",
                ),
                io.Int.Input(
                    "height",
                    optional=True,
                    default=1016,
                    min=16,
                    max=16384,
                    extra_dict=instead("latent"),
                    tooltip="Height of the pictures.",
                ),
                io.Latent.Input(
                    "latent",
                    optional=True,
                    tooltip="The latent you sample: its size is taken instead of 'width' and 'height', and it is repeated "
                    "for each pose.",
                ),
            ],
            outputs=[
                io.Image.Output("image", tooltip="One picture for each pose, for 'image' of Apply InstantID."),
                io.Latent.Output(
                    "latent", tooltip="For the sampler: one for each pose, empty unless a latent is connected."
                ),
                io.String.Output(
                    "keypoints",
                    tooltip="The points of the first picture as JSON: Face Masks makes a mask for each person of it, which "
                    "holds for all.",
                ),
                io.Int.Output("count", tooltip="How many pictures there are."),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        poses: str = "",
        people: int = 1,
        framing: str = "portrait",
        width: int = 1016,
        height: int = 1016,
        latent: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        from ...face.draw import draw_keypoints
        from ...face.picture import to_image
        from ..page.show import shown
        from ..people.keypoint_pictures import canvas_of, latent_for

        size = canvas_of(latent) or (width, height)
        sheets = pose_sheets(parse_poses(poses), people, FRAMES[framing], size)
        image = to_image([draw_keypoints(sheet.faces, size) for sheet in sheets])
        text = f"{len(sheets)} pictures of {size[0]}x{size[1]}, people in each: {people}"
        output = shown(cls, text, image, image, latent_for(latent, size, len(sheets)), to_json(sheets[0]), len(sheets))
        return for_page(output, poses=[json.loads(to_json(sheet)) for sheet in sheets])


NODES = [PoseSheet]
