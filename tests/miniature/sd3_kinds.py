"""The kinds of SD3 that there are miniatures of, and their widths: everything that is smaller than published, in one place."""

from typing import Any

LATENT = 16  # channels
TEXT = 48  # width of the prompt; 4096 as published
POOLED = 2048  # as published: the host makes zeros of it where there is no CLIP
HEADS, HEAD = 2, 64  # of 38 or 24 heads as published
WIDTH = HEADS * HEAD
PLACES = 32  # along one side of the table of positions; 192 as published

COMMON = {
    "in_channels": LATENT,
    "patch_size": 2,
    "input_size": None,
    "depth": HEADS,  # the host's word for the width in heads of 64
    "adm_in_channels": POOLED,
    "context_embedder_config": {"target": "torch.nn.Linear", "params": {"in_features": TEXT, "out_features": WIDTH}},
    "pos_embed_scaling_factor": None,
    "pos_embed_max_size": PLACES,
    "num_patches": PLACES**2,
}
KINDS: dict[str, dict[str, Any]] = {
    "sd3.5 large": {**COMMON, "num_blocks": 38, "qk_norm": "rms"},
    "sd3.5 medium": {**COMMON, "num_blocks": 24, "qk_norm": "rms", "x_block_self_attn_layers": list(range(13))},
    # Of no published model: what is compiled block by block takes long.
    "short": {**COMMON, "num_blocks": 3, "qk_norm": "rms"},
    "sd3 medium": {**COMMON, "num_blocks": 24, "qk_norm": None},
}


def kind_named(name: str) -> dict[str, Any]:
    """The host's configuration of a kind; raises ValueError listing the known ones."""
    if name not in KINDS:
        raise ValueError(f"no miniature SD3 {name!r}; there are {', '.join(KINDS)}")
    return KINDS[name]
