"""The options of `run.py train` that are settings of the training node under the same name; what is not given is its default."""

import argparse
from collections.abc import Mapping
from types import MappingProxyType

RECIPE: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "--schedule": {
            "choices": ("constant", "linear", "cosine", "cosine_with_restarts", "inverse_sqrt"),
            "help": "how the learning rate goes down after the warm-up (default: constant)",
        },
        "--warmup": {"type": int, "metavar": "STEPS", "help": "steps until the full learning rate (default: 0)"},
        "--floor": {"type": float, "metavar": "SHARE", "help": "share of it that a schedule keeps (default: 0)"},
        "--cycles": {"type": int, "metavar": "N", "help": "beginnings of cosine_with_restarts (default: 1)"},
        "--weight-decay": {"type": float, "metavar": "SHARE", "help": "AdamW's (default: 0.01)"},
        "--beta1": {"type": float, "help": "AdamW's (default: 0.9)"},
        "--beta2": {"type": float, "help": "AdamW's (default: 0.999)"},
        "--gradient-limit": {"type": float, "metavar": "NORM", "help": "largest gradient, 0 for any (default: 1)"},
        "--weighting": {
            "choices": ("none", "min_snr", "debiased"),
            "help": "what each level of noise counts (default: none, all alike)",
        },
        "--held-out": {
            "type": int,
            "metavar": "N",
            "help": "pictures that are not trained on, to see how well others are predicted (default: 0)",
        },
        "--check-every": {"type": int, "metavar": "STEPS", "help": "steps between looks at them (default: 250)"},
        "--publish-every": {
            "type": int,
            "metavar": "STEPS",
            "help": "also write a file every this many steps, named after the step (default: 0, only at the end)",
        },
        "--keep-files": {"type": int, "metavar": "N", "help": "keep the last of these, 0 for all (default: 3)"},
        "--tracker": {
            "choices": ("none", "tensorboard", "wandb", "trackio"),
            "help": "what shows the course beside log.jsonl, if its package is in ComfyUI's Python; wandb sends it to a "
            "server (default: none)",
        },
        "--checkpoint-when": {
            "choices": ("needed", "always"),
            "help": "compute activations twice only where the GPU has no room for them, or always (default: needed)",
        },
        "--compile-blocks": {
            "action": "store_const",
            "const": True,
            "help": "compile parts of the model, which takes minutes before the first step: for long trainings",
        },
        "--snr-gamma": {"type": float, "help": "of min_snr (default: 5)"},
    }
)


def settings_in(options: argparse.Namespace) -> dict[str, object]:
    """The settings that were given, by the names of the node's inputs."""
    given = {name: getattr(options, name) for name in map(input_of, RECIPE)}
    return {name: value for name, value in given.items() if value is not None}


def input_of(option: str) -> str:
    """The node's input that an option sets."""
    return option.removeprefix("--").replace("-", "_")
