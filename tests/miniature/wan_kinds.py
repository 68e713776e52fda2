"""The kinds of Wan that there are miniatures of, and their widths: everything that is smaller than published, in one place."""

from dataclasses import dataclass, field
from typing import Any

TEXT = 48  # width of the prompt; 4096 as published
WIDTH = 96  # in 4 heads; 5120 in 40 heads, or 1536 in 12, as published
LATENT = 16  # channels
PICTURE_TOKENS = 257  # of CLIP ViT-H


@dataclass(frozen=True)
class Wan:
    """A published Wan: its class in comfy.supported_models, and what its configuration has beside the widths.

    The weights of two kinds with one seed are the same wherever both have them.
    """

    config_class: str
    blocks: int
    model_type: str
    channels: int
    more: dict[str, Any] = field(default_factory=dict)


KINDS = {
    "wan2.1 i2v": Wan("WAN21_I2V", 40, "i2v", 36),
    "wan2.1 flf2v": Wan("WAN21_I2V", 40, "i2v", 36, {"flf_pos_embed_token_number": 2 * PICTURE_TOKENS}),
    "wan2.1 fun 1.3b": Wan("WAN21_I2V", 30, "i2v", 36),
    "wan2.1 t2v 1.3b": Wan("WAN21_T2V", 30, "t2v", LATENT),
    # 2.2 has no image branch: it is the first row without it.
    "wan2.2 i2v": Wan("WAN21_T2V", 40, "t2v", 36),
    # For what does not depend on the number of blocks.
    "short i2v": Wan("WAN21_I2V", 4, "i2v", 36),
    "short flf2v": Wan("WAN21_I2V", 4, "i2v", 36, {"flf_pos_embed_token_number": 2 * PICTURE_TOKENS}),
    "short without branch": Wan("WAN21_T2V", 4, "t2v", 36),
}


def kind_named(name: str) -> Wan:
    """The kind of a name; raises ValueError listing the known ones."""
    if name not in KINDS:
        raise ValueError(f"no miniature Wan {name!r}; there are {', '.join(KINDS)}")
    return KINDS[name]


def config_of(kind: Wan) -> dict[str, Any]:
    """The host's configuration of a kind, with the miniature's widths."""
    return {
        "image_model": "wan2.1",
        "model_type": kind.model_type,
        "dim": WIDTH,
        "out_dim": LATENT,
        "num_heads": 4,
        "ffn_dim": 2 * WIDTH,
        "num_layers": kind.blocks,
        "patch_size": (1, 2, 2),
        "freq_dim": 32,
        "text_dim": TEXT,
        "window_size": (-1, -1),
        "qk_norm": True,
        "cross_attn_norm": True,
        "eps": 1e-6,
        "in_dim": kind.channels,
        **kind.more,
    }
