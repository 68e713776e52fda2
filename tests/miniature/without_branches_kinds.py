"""The kinds of transformer that no branch of ours acts in, and the widths of their miniatures."""

from dataclasses import dataclass
from typing import Any

LATENT = 16  # channels
TEXT = 48  # width of the prompt; 4096 of SD3.5 and 3584 of Qwen-Image as published
POOLED = 32  # width of SD3.5's pooled vector; 2048 as published
WIDTH = 64  # one head of SD3.5's, two of Qwen-Image's; 2432 and 3072 as published
PLACES = 32  # along one side of SD3.5's table of positions; 192 as published


@dataclass(frozen=True)
class Kind:
    """The host's configuration of a model, and its class there."""

    config_class: str
    config: dict[str, Any]
    has_pooled: bool = False


SD35 = {
    "in_channels": LATENT,
    "patch_size": 2,
    "input_size": None,
    "depth": 1,  # the host's word for the width in heads of 64
    "num_blocks": 38,
    "adm_in_channels": POOLED,
    "context_embedder_config": {"target": "torch.nn.Linear", "params": {"in_features": TEXT, "out_features": WIDTH}},
    "pos_embed_scaling_factor": None,
    "pos_embed_max_size": PLACES,
    "num_patches": PLACES**2,
    "qk_norm": "rms",
}
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
    "sd3.5 large": Kind("SD3", SD35, has_pooled=True),
    "qwen image": Kind("QwenImage", QWEN),
    "short qwen image": Kind("QwenImage", {**QWEN, "num_layers": 2}),
}


def kind_named(name: str) -> Kind:
    """The kind of a name; raises ValueError listing the known ones."""
    if name not in KINDS:
        raise ValueError(f"no miniature of the kind {name!r}; there are {', '.join(KINDS)}")
    return KINDS[name]
