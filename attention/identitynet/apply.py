"""An IdentityNet, a hint and both conditionings -> conditionings that carry it."""

from __future__ import annotations

from typing import Any

from comfy.controlnet import ControlBase

from .hint import Hint
from .net import IdentityNet

Conditioning = list[list[Any]]
"""The host's: entries [text (1, T, C), dictionary]."""


def apply_identitynet(
    net: IdentityNet, hint: Hint, positive: Conditioning, negative: Conditioning
) -> tuple[Conditioning, Conditioning]:
    """Both conditionings with the net after whatever ControlNets they carry; nothing given is changed.

    As the host's ControlNetApplyAdvanced: entries after the same net share one copy, on both sides, because the
    host batches only conditionings whose control is the same object. A strength of 0 gives them back as they are.
    """
    if hint.strength == 0:
        return positive, negative
    after: dict[ControlBase | None, IdentityNet] = {}

    def carrying(entry: list[Any]) -> list[Any]:
        previous: ControlBase | None = entry[1].get("control")
        if previous not in after:
            shown = net.showing(hint)
            shown.set_previous_controlnet(previous)
            after[previous] = shown
        return [entry[0], {**entry[1], "control": after[previous], "control_apply_to_uncond": False}]

    return [carrying(entry) for entry in positive], [carrying(entry) for entry in negative]
