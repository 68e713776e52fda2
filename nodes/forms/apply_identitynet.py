"""The node that shows InstantID's ControlNet a face and where its points are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy.controlnet import ControlBase
from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...face.value import FaceBatch
from .. import wires
from ..page.description import described
from ..page.notice import noted, teller
from ..people.face_nets import (
    control_net_input,
    range_inputs,
    steered_inputs,
    steered_outputs,
    strength_input,
    vae_input,
    with_face_nets,
)
from ..people.people import (
    Seats,
    faces_input,
    no_face,
    people_inputs,
    people_of,
    recogniser_note,
)

if TYPE_CHECKING:
    from ...attention.identitynet.apply import Conditioning


class ApplyIdentityNet(io.ComfyNode):
    """Holds the picture to a face's keypoints and identity with InstantID's ControlNet alone, or InfiniteYou's, which reads
    the face in place of the text. Other ControlNets on the same conditionings keep the text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessApplyIdentityNet",
            display_name="Apply IdentityNet",
            category="likeness/face",
            description=described(cls),
            search_aliases=[
                "identitynet",
                "instantid controlnet",
                "instantid",
                "face keypoints",
                "face pose",
                "infusenet",
            ],
            inputs=[
                *steered_inputs(),
                faces_input(),
                control_net_input(),
                io.Image.Input(
                    "image",
                    tooltip="Drawn keypoints, from Render Keypoints, at the size of the picture to make. Picture i is "
                    "for picture i of the batch: a batch of keypoints gives a sheet of poses.",
                ),
                strength_input("strength"),
                *range_inputs("start_percent", "end_percent"),
                *people_inputs(),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where in the new picture it acts: 1 yes, 0 no. It is resized to the picture.",
                ),
                vae_input(),
            ],
            outputs=steered_outputs(),
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        model: ModelPatcher,
        positive: Conditioning,
        negative: Conditioning,
        adapter: wires.LoadedAdapter,
        faces: FaceBatch,
        control_net: ControlBase,
        image: Tensor,
        strength: float = 0.8,
        start_percent: float = 0.0,
        end_percent: float = 1.0,
        masks: Tensor | None = None,
        who: str = "in order",
        order: str = "",
        any_recogniser: bool = False,
        mask: Tensor | None = None,
        vae: Any | None = None,
    ) -> io.NodeOutput:
        from ...attention.identitynet.hint import Hint
        from ...attention.identitynet.hint_size import checking_hints
        from ...attention.sampling.attach import attachments, with_attachments
        from ...attention.weights.schedule import Range
        from ...face.keypoint_picture import check_keypoint_picture
        from ...face.picture import pictures

        people = people_of(adapter.adapter, model, faces, Seats(masks, who, order, any_recogniser, mask))
        for picture in pictures(image):
            check_keypoint_picture(picture, adapter.adapter.identity.variant.free_pose)
        hint = Hint(image, strength, Range(start_percent, end_percent), vae)
        both = with_face_nets(adapter.adapter, control_net, people, no_face(), hint, (positive, negative), teller(cls))
        steered = checking_hints(with_attachments(model, attachments(model)))
        return noted(cls, recogniser_note(adapter.adapter, people), steered, *both)


NODES = [ApplyIdentityNet]
