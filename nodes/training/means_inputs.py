"""The advanced inputs of a training that say how it computes: what they change is time and memory, not what is learned."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ..page.unused import not_with

NEEDED, ALWAYS = "needed", "always"


def means_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "checkpoint_when",
            optional=True,
            options=[NEEDED, ALWAYS],
            default=NEEDED,
            advanced=True,
            tooltip="When 'checkpointing' is on. needed: only for pictures whose activations the GPU has no room for, which "
            "the first step with each size measures. always: as slow as that, and the GPU stays free for others.",
            extra_dict=not_with("checkpointing", False),
        ),
        io.Boolean.Input(
            "compile_blocks",
            optional=True,
            default=False,
            advanced=True,
            tooltip="Compiles parts of the model, which takes minutes before the first step: for long trainings. Needs Triton "
            "on a GPU.",
        ),
    ]
