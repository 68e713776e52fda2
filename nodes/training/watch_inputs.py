"""The advanced inputs of a training that say how it is watched and what it leaves on the way."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...attention.training.log import TRACKERS


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
        io.Combo.Input(
            "tracker",
            optional=True,
            options=list(TRACKERS),
            default="none",
            advanced=True,
            tooltip="What shows the course of the training beside the log file: a package that you have installed. wandb "
            "sends it to a server.",
        ),
    ]
