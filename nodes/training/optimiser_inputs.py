"""The advanced inputs of a training that say how its weights move."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...attention.training.rates import SCHEDULES


def optimiser_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "schedule",
            optional=True,
            options=list(SCHEDULES),
            default="constant",
            advanced=True,
            tooltip="How the learning rate goes down after the warm-up. The authors keep it constant; cosine is safer over "
            "many steps.",
        ),
        io.Float.Input(
            "floor",
            optional=True,
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.01,
            advanced=True,
            tooltip="The share of the learning rate below which a schedule does not go.",
        ),
        io.Int.Input(
            "cycles",
            optional=True,
            default=1,
            min=1,
            max=1000,
            advanced=True,
            tooltip="How often cosine_with_restarts begins at the full learning rate.",
        ),
    ]
