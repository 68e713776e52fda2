"""The widths of the miniatures: everything that is smaller than in the published models, in one place."""

from dataclasses import dataclass
from typing import Any

IMAGE_WIDTH = 256  # each of SDXL's six size ids is embedded to this many numbers, as published


@dataclass(frozen=True)
class Family:
    """A base model: the published layout, narrower.

    `text` maps the host's text encoder names to their widths; the context is their concatenation, and
    the last of them gives the pooled vector.
    """

    config_class: str  # in comfy.supported_models
    unet_config: dict[str, Any]
    unet_extra_config: dict[str, int]
    text: dict[str, int]
    latent_scale: float  # of the published autoencoder

    @property
    def context_dim(self) -> int:
        return sum(self.text.values())


@dataclass(frozen=True)
class Encoder:
    """An image encoder: published patch and picture sizes but for SigLIP, shallow and, but for the 'wide' ones, narrow."""

    hidden: int
    projection: int
    activation: str
    picture: int = 224
    layers: int = 4
    pools_by_head: bool = False


COMMON = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 32,
    "use_spatial_transformer": True,
    "legacy": False,
    "use_temporal_attention": False,
    "use_temporal_resblock": False,
}

FAMILIES = {
    "sd15": Family(
        config_class="SD15",
        unet_config={
            **COMMON,
            "context_dim": 64,
            "adm_in_channels": None,
            "num_classes": None,
            "use_linear_in_transformer": False,
            "channel_mult": [1, 2, 4, 4],
            "num_res_blocks": [2, 2, 2, 2],
            "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
            "transformer_depth_middle": 1,
            "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
        },
        unet_extra_config={"num_heads": 8, "num_head_channels": -1},
        text={"clip_l": 64},
        latent_scale=0.18215,
    ),
    "sdxl": Family(
        config_class="SDXL",
        unet_config={
            **COMMON,
            "context_dim": 128,
            "adm_in_channels": 6 * IMAGE_WIDTH + 80,
            "num_classes": "sequential",
            "use_linear_in_transformer": True,
            "channel_mult": [1, 2, 4],
            "num_res_blocks": [2, 2, 2],
            "transformer_depth": [0, 0, 2, 2, 10, 10],
            "transformer_depth_middle": 10,
            "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
        },
        unet_extra_config={"num_heads": -1, "num_head_channels": 16},
        text={"clip_l": 48, "clip_g": 80},
        latent_scale=0.13025,
    ),
}

ENCODERS = {
    "vit_h": Encoder(hidden=80, projection=64, activation="gelu"),
    "vit_bigg": Encoder(hidden=96, projection=72, activation="gelu"),
    "vit_l": Encoder(hidden=112, projection=40, activation="quick_gelu"),
    "vit_l_336": Encoder(hidden=64, projection=48, activation="quick_gelu", picture=336),
    # Pictures of 112 pixels in place of 384, so 64 patches in place of 729.
    "siglip": Encoder(hidden=160, projection=160, activation="gelu_pytorch_tanh", picture=112, pools_by_head=True),
    # EVA02-CLIP's tower, which face_parts.py makes.
    "eva": Encoder(hidden=72, projection=32, activation="silu", picture=56, layers=6),
    # Published widths, by which presets tell encoders.
    "vit_h_wide": Encoder(hidden=1280, projection=1024, activation="gelu", layers=2),
}


def family_named(name: str) -> Family:
    """The family of a name; raises ValueError listing the known ones."""
    if name not in FAMILIES:
        raise ValueError(f"no miniature of the family {name!r}; there are {', '.join(FAMILIES)}")
    return FAMILIES[name]


def encoder_named(name: str) -> Encoder:
    """The encoder of a name; raises ValueError listing the known ones."""
    if name not in ENCODERS:
        raise ValueError(f"no miniature encoder {name!r}; there are {', '.join(ENCODERS)}")
    return ENCODERS[name]
