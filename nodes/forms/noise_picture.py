"""The node that makes a picture of noise to steer away from."""

from __future__ import annotations

import torch
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...attention.reference.noise import NOISES, noise_picture, square
from ..page.description import described
from ..page.sliders import SLIDER


class NoisePicture(io.ComfyNode):
    """Makes a noisy picture to encode as a negative: guidance then leads away from noise, towards clean detail."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessNoisePicture",
            display_name="Noise Picture",
            category="likeness/reference",
            description=described(cls),
            search_aliases=["ipadapter noise", "negative image", "noise negative"],
            inputs=[
                io.Combo.Input(
                    "kind",
                    options=list(NOISES),
                    default="fade",
                    tooltip="fade: the picture fades into noise. dissolve: single pixels become noise. gaussian: noise "
                    "on top of the picture. shuffle: its colours without its shapes.",
                ),
                io.Float.Input(
                    "strength",
                    optional=True,
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    display_mode=SLIDER,
                    tooltip="0 is the picture, 1 the most noise.",
                ),
                io.Int.Input(
                    "blur", optional=True, default=0, min=0, max=32, tooltip="Softens it: width in pixels, 0 for none."
                ),
                io.Int.Input(
                    "seed",
                    optional=True,
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed gives the same noise.",
                ),
                io.Int.Input(
                    "size",
                    optional=True,
                    default=224,
                    min=64,
                    max=1024,
                    step=2,
                    advanced=True,
                    tooltip="The picture is first cropped and resized to a square of this size: noise finer than the "
                    "encoder's own pixels (224) would be averaged away.",
                ),
                io.Image.Input("image", optional=True, tooltip="What to make noisy. Not connected: black."),
            ],
            outputs=[io.Image.Output("picture", tooltip="For Encode Reference; its embeds go into 'negative_embeds'.")],
        )

    @classmethod
    def execute(
        cls,
        kind: str = "fade",
        strength: float = 1.0,
        blur: int = 0,
        seed: int = 0,
        size: int = 224,
        image: Tensor | None = None,
    ) -> io.NodeOutput:
        pictures = torch.zeros(1, size, size, 3) if image is None else square(image, size)
        return io.NodeOutput(noise_picture(pictures, kind, strength, blur, seed))


NODES = [NoisePicture]
