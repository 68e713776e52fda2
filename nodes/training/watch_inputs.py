"""The advanced inputs of a training that say how it is watched and what it leaves on the way."""

from __future__ import annotations

from comfy_api.v0_0_2 import io


def watch_inputs() -> list[io.Input]:
    return [
        io.String.Input(
            "look_prompts",
            optional=True,
            default="",
            multiline=True,
            advanced=True,
            tooltip="Prompts to draw samples from, one a line, with the first picture as the reference. Empty: its own "
            "caption.",
        ),
    ]
