"""How a number can be dragged on the page: the host's slider for a share, a track for the usual part of a wide range."""

from __future__ import annotations

from typing import Any

from comfy_api.v0_0_2 import io

SLIDER = io.NumberDisplay.slider


def usually(low: float, high: float) -> dict[str, Any]:
    """`extra_dict` of a number that mostly lies between these: the page puts a track of that range under it.

    The host has one range for dragging and for typing, and over -1 to 5 a slider cannot be set with any care.
    """
    return {"likeness_usual": [low, high]}


STRENGTH = usually(0.0, 1.5)


def sampling_range(start: str, begins: str, end: str, stops: str) -> list[io.Input]:
    """Two inputs, `start` and `end`: between which parts of the sampling, 0..1, something acts; with their tooltips."""
    return [
        io.Float.Input(
            name,
            optional=True,
            default=default,
            min=0.0,
            max=1.0,
            step=0.001,
            display_mode=SLIDER,
            advanced=True,
            tooltip=tooltip,
        )
        for name, default, tooltip in ((start, 0.0, begins), (end, 1.0, stops))
    ]
