"""The kinds of transformer that no branch of ours acts in, and the widths of their miniatures."""

from dataclasses import dataclass
from typing import Any

LATENT = 16  # channels
TEXT = 48  # width of the prompt; 3584 as published


@dataclass(frozen=True)
class Kind:
    """The host's configuration of a model, and its class there."""

    config_class: str
    config: dict[str, Any]


QWEN = {
    "image_model": "qwen_image",
    "in_channels": 4 * LATENT,
    "out_channels": LATENT,
    "num_layers": 60,
    "attention_head_dim": 32,
    "num_attention_heads": 2,
    "joint_attention_dim": TEXT,
    "axes_dims_rope": (8, 12, 12),
}
KINDS = {
    "qwen image": Kind("QwenImage", QWEN),
    "short qwen image": Kind("QwenImage", {**QWEN, "num_layers": 2}),
}


def kind_named(name: str) -> Kind:
    """The kind of a name; raises ValueError listing the known ones."""
    if name not in KINDS:
        raise ValueError(f"no miniature of the kind {name!r}; there are {', '.join(KINDS)}")
    return KINDS[name]
