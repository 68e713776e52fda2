"""The advanced inputs of a training that say how it is watched and what it leaves on the way."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...attention.training.log import TRACKERS
from ..page.unused import not_with


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
        io.Int.Input(
            "held_out",
            optional=True,
            default=0,
            min=0,
            max=100_000,
            advanced=True,
            tooltip="So many pictures are not trained on: how well these are predicted tells whether others are learned or "
            "only memorised.",
        ),
        io.Int.Input(
            "check_every",
            optional=True,
            default=250,
            min=0,
            max=1_000_000,
            advanced=True,
            tooltip="Steps between two looks at the pictures held out. 0: only before the first step and after the last.",
            extra_dict=not_with("held_out", 0),
        ),
        io.Int.Input(
            "publish_every",
            optional=True,
            default=0,
            min=0,
            max=10_000_000,
            advanced=True,
            tooltip="Writes a file of what has been trained so far every this many steps, named after the step. 0: only at "
            "the end.",
        ),
        io.Int.Input(
            "keep_files",
            optional=True,
            default=3,
            min=0,
            max=10_000,
            advanced=True,
            tooltip="How many of these files are kept, the latest ones. 0: all.",
            extra_dict=not_with("publish_every", 0),
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
