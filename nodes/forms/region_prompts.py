"""The node that gives each region of the picture a prompt of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.v0_0_2 import io
from torch import Tensor

from ...attention.inputs import masks_of
from ...face.masks import normalised
from ..page.description import described
from ..page.notice import noted
from ..page.sliders import SLIDER

if TYPE_CHECKING:
    from ...attention.identitynet.apply import Conditioning


class RegionPrompts(io.ComfyNode):
    """Gives each region of the picture, such as each person of a group, a prompt of its own next to the prompt for the whole
    picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessRegionPrompts",
            display_name="Region Prompts",
            category="likeness/face",
            description=described(cls),
            search_aliases=[
                "regional prompt",
                "regional conditioning",
                "attention couple",
                "prompt per person",
                "mask prompt",
            ],
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder for the prompts: the same as for 'positive'."),
                io.Conditioning.Input(
                    "positive",
                    tooltip="The prompt for the whole picture: scene, style, how many people. ControlNets on it act in "
                    "the regions too.",
                ),
                io.Mask.Input("masks", tooltip="One mask for each region, as Face Masks gives them, in their order."),
                io.String.Input(
                    "prompts",
                    default="",
                    multiline=True,
                    dynamic_prompts=True,
                    tooltip="One line for each mask, in their order. An empty line: that region has no prompt of its own.",
                ),
                io.Float.Input(
                    "base_share",
                    optional=True,
                    default=0.3,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    display_mode=SLIDER,
                    tooltip="How much of 'positive' stays inside the regions. 0: their own prompts alone; 1: 'positive' "
                    "alone. 0.2 to 0.4 keeps scene and style consistent.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    "positive",
                    tooltip="For Apply InstantID or the sampler. Each prompt costs one more pass of the model.",
                )
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls, clip: Any, positive: Conditioning, masks: Tensor, prompts: str = "", base_share: float = 0.3
    ) -> io.NodeOutput:
        from ...attention.regions.prompts import with_region_prompts

        if clip is None:
            raise ValueError("'clip' is empty: the checkpoint has no text encoder. Connect one from Load CLIP.")
        if not 0 <= base_share <= 1:
            raise ValueError(f"base_share is {base_share}; it must be a number from 0 to 1.")
        regions = normalised(masks_of(masks, "masks").float())
        lines = _lines(prompts, len(regions))
        read = [clip.encode_from_tokens_scheduled(clip.tokenize(line)) if line else None for line in lines]
        text = "\n".join(
            f"mask {number}: {line or '(only the prompt for the whole picture)'}"
            for number, line in enumerate(lines, 1)
        )
        return noted(cls, text, with_region_prompts(positive, read, regions, base_share))


def _lines(prompts: str, count: int) -> list[str]:
    """A prompt for each of `count` masks, empty where there is none."""
    lines = [line.strip() for line in prompts.split("\n")]
    while len(lines) > count and not lines[-1]:
        lines.pop()
    if len(lines) != count:
        raise ValueError(
            f"lines in 'prompts': {len(lines)}; masks: {count}. Write one line for each mask, in their order; "
            "leave a line empty for a region without a prompt of its own."
        )
    return lines


NODES = [RegionPrompts]
