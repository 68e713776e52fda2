"""The advanced inputs of a training that say how its weights move."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...attention.training.rates import CONSTANT, RESTARTS, SCHEDULES
from ...attention.training.weighting import MIN_SNR, NONE, WEIGHTINGS
from ..page.unused import not_with, only_with


def optimiser_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "schedule",
            optional=True,
            options=list(SCHEDULES),
            default=CONSTANT,
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
            extra_dict=not_with("schedule", CONSTANT),
        ),
        io.Int.Input(
            "cycles",
            optional=True,
            default=1,
            min=1,
            max=1000,
            advanced=True,
            tooltip="How often cosine_with_restarts begins at the full learning rate.",
            extra_dict=only_with("schedule", [RESTARTS]),
        ),
        _beta("beta1", 0.9, "AdamW's memory of the gradient."),
        _beta("beta2", 0.999, "AdamW's memory of its square. 0.99 forgets early steps sooner."),
        io.Float.Input(
            "gradient_limit",
            optional=True,
            default=1.0,
            min=0.0,
            max=1000.0,
            step=0.1,
            advanced=True,
            tooltip="Gradients with a larger norm are scaled down to it. 0: none is.",
        ),
        io.Combo.Input(
            "weighting",
            optional=True,
            options=list(WEIGHTINGS),
            default=NONE,
            advanced=True,
            tooltip="What each level of noise counts. none: all alike, as for the authors. min_snr and debiased learn less "
            "from nearly clean pictures.",
        ),
        io.Float.Input(
            "snr_gamma",
            optional=True,
            default=5.0,
            min=0.01,
            max=1000.0,
            step=0.1,
            advanced=True,
            tooltip="For min_snr: the ratio of signal to noise above which a level counts less. Its authors use 5.",
            extra_dict=only_with("weighting", [MIN_SNR]),
        ),
    ]


def _beta(name: str, default: float, says: str) -> io.Input:
    return io.Float.Input(
        name,
        optional=True,
        default=default,
        min=0.0,
        max=0.99999,
        step=0.001,
        round=0.00001,
        advanced=True,
        tooltip=says,
    )
