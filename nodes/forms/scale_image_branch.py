"""The node that turns the image branch of a video model up or down: Wan reads a picture by itself."""

from __future__ import annotations

from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...attention.inputs import masks_of
from ...attention.models.families import FAMILIES, BlockKey, family_with
from ...attention.models.kinds import WAN, kind_of
from ...attention.models.unet import network_of
from ...attention.weights.layer_weights import LayerWeights
from ...attention.weights.schedule import Range
from .. import wires
from ..page.description import described
from ..page.notice import noted, teller
from ..page.sliders import sampling_range, usually

_FITS = (
    "Wan 2.1 I2V, FLF2V, Fun InP and Fun Control, SkyReels-V2 I2V, SCAIL and Wan 2.2 Animate have one; Wan T2V, VACE and "
    "Wan 2.2 I2V have none"
)


class ScaleImageBranch(io.ComfyNode):
    """Turns the picture that Wan reads beside the text up or down: in all of the video, a part, some frames or steps."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessScaleImageBranch",
            display_name="Scale Image Branch",
            category="likeness/weights",
            description=described(cls),
            search_aliases=[
                "wan",
                "image to video",
                "i2v strength",
                "clip vision strength",
                "first frame strength",
                "let go of the first frame",
                "start and end frame",
            ],
            inputs=[
                io.Model.Input("model", tooltip=f"A video model with an image branch: {_FITS}."),
                io.Float.Input(
                    "weight",
                    default=1.0,
                    min=-1.0,
                    max=5.0,
                    step=0.01,
                    extra_dict=usually(0.0, 2.0),
                    tooltip="How much the picture that the model was shown counts beside the text. 1 is the model as it is, 0 the "
                    "model without its image branch.",
                ),
                io.Boolean.Input(
                    "negative_apart",
                    optional=True,
                    default=False,
                    tooltip="Give the negative prompt a weight of its own. ComfyUI shows the picture to both prompts.",
                ),
                io.Float.Input(
                    "negative_weight",
                    optional=True,
                    default=1.0,
                    min=-1.0,
                    max=5.0,
                    step=0.01,
                    extra_dict=usually(0.0, 2.0),
                    tooltip="The weight beside the negative prompt, with negative_apart. 0 guides towards the picture. Without "
                    "guidance (CFG 1) there is no negative prompt.",
                ),
                *sampling_range(
                    "start_percent",
                    "Where in the sampling it begins to act, 0 being the first step. Before it the model is as it is.",
                    "end_percent",
                    "Where in the sampling it stops, 1 being the last step. After it the model is as it is.",
                ),
                *_pictures(),
                io.Mask.Input(
                    "attn_mask",
                    optional=True,
                    tooltip="Where it acts: 1 yes, 0 the model as it is. One mask for the whole video, or one for each frame of it.",
                ),
                wires.LayersWire.Input(
                    "layers",
                    optional=True,
                    tooltip="From Layer Weights, with the family of this model: a factor for each block.",
                ),
                wires.ScheduleWire.Input(
                    "schedule",
                    optional=True,
                    tooltip="From Weight Schedule: a factor over the steps; its frames are those of the latent, one for four of "
                    "the video after the first.",
                ),
            ],
            outputs=[
                io.Model.Output(tooltip="The model with its image branch scaled. The one that came in is unchanged.")
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        model: ModelPatcher,
        weight: float = 1.0,
        negative_apart: bool = False,
        negative_weight: float = 1.0,
        start_percent: float = 0.0,
        end_percent: float = 1.0,
        start_image_weight: float = 1.0,
        end_image_weight: float = 1.0,
        attn_mask: Tensor | None = None,
        layers: LayerWeights | None = None,
        schedule: wires.WeightSchedule | None = None,
    ) -> io.NodeOutput:
        from ...attention.branch.own import OwnBranch
        from ...attention.sampling.attach import attach

        blocks = _blocks(model)
        _check_layers(layers, blocks)
        branch = OwnBranch(
            blocks,
            scale=weight,
            negative_scale=negative_weight if negative_apart else None,
            pictures=(start_image_weight, end_image_weight),
            layer_scales=layers.by_block if layers else {},
            swapped=layers.swapped_blocks if layers else frozenset(),
            range=Range(start_percent, end_percent),
            schedule=schedule.schedule if schedule else None,
            frame_scales=schedule.frame_scales if schedule else (),
            attn_mask=None if attn_mask is None else masks_of(attn_mask, "attn_mask"),
            label="image branch",
            tell=teller(cls),
        )
        text = _text(branch.ever_acts, weight, blocks)
        return noted(cls, text, attach(model, branch))


def _pictures() -> list[io.Input]:
    """The weights of the two pictures of a model that is shown the first and the last frame."""
    tooltip = (
        "For a video between two pictures: how much the {} counts against the other one. Both at 1: as the model was "
        "trained. It acts in the whole picture and goes with no mask."
    )
    return [
        io.Float.Input(
            name,
            optional=True,
            default=1.0,
            min=0.0,
            max=5.0,
            step=0.01,
            extra_dict=usually(0.0, 2.0),
            advanced=True,
            tooltip=tooltip.format(words),
        )
        for name, words in (("start_image_weight", "start image"), ("end_image_weight", "end image"))
    ]


def _blocks(model: ModelPatcher) -> tuple[BlockKey, ...]:
    """The blocks with an image branch. Raises ValueError saying what the model is, and which have one."""
    blocks = tuple(WAN.attentions(model))
    if blocks:
        return blocks
    network = type(network_of(model)).__name__
    kind = kind_of(model)
    adapters = " To steer it with a picture, use Apply IP-Adapter." if kind and kind.takes_adapters else ""
    raise ValueError(
        f"the connected model is {type(model.model).__name__} ({network}), which has no image branch.{adapters} Connect a model that "
        f"has one: {_FITS}."
    )


def _check_layers(layers: LayerWeights | None, blocks: tuple[BlockKey, ...]) -> None:
    """Raise ValueError, naming both, unless the layer weights are for a model of these blocks."""
    if layers is None or set(layers.by_block) == set(blocks):
        return
    fits = family_with(blocks)
    advice = f"Set 'family' on the Layer Weights node to '{fits.name}'" if fits else "Disconnect 'layers'"
    raise ValueError(
        f"the layer weights are for {FAMILIES[layers.family].label}, but the connected model has {len(blocks)} blocks with an "
        f"image branch. {advice}."
    )


def _text(acts: bool, weight: float, blocks: tuple[BlockKey, ...]) -> str:
    family = family_with(blocks)
    found = f"{family.label if family else 'a model'}: {len(blocks)} blocks with an image branch"
    if not acts:
        return f"{found}\nthe model as it is: nothing is changed"
    return f"{found}\nweight {weight:g}; 1 is the model as it is"


NODES = [ScaleImageBranch]
