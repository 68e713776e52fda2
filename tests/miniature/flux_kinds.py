"""The kinds of FLUX that there are miniatures of, and their widths: everything that is smaller than published, in one place."""

from dataclasses import dataclass, field
from typing import Any

TEXT = 48  # width of the prompt; 4096 as published
POOLED = 32  # width of its pooled vector; 768 as published
WIDTH = 64  # in 2 heads; 3072 in 24 as published
LATENT = 16  # channels
LATENT_2 = 128  # of FLUX.2's, whose tokens are single cells
ENCODER = 40  # width of what CLIP ViT-L gives of a picture, as the miniature of it does; 768 as published

COMMON = {
    "in_channels": LATENT,
    "out_channels": LATENT,
    "context_in_dim": TEXT,
    "vec_in_dim": POOLED,
    "hidden_size": WIDTH,
    "mlp_ratio": 4.0,
    "num_heads": 2,
    "depth": 19,
    "depth_single_blocks": 38,
    "axes_dim": [8, 12, 12],
    "theta": 10000,
    "patch_size": 2,
    "qkv_bias": True,
    "txt_ids_dims": [],
}
FLUX = {"image_model": "flux", **COMMON}
FLUX2 = {
    **COMMON,
    "image_model": "flux2",
    "in_channels": LATENT_2,
    "out_channels": LATENT_2,
    "vec_in_dim": None,
    "mlp_ratio": 3.0,
    "axes_dim": [8, 8, 8, 8],
    "theta": 2000,
    "patch_size": 1,
    "qkv_bias": False,
    "ops_bias": False,
    "global_modulation": True,
    "mlp_silu_act": True,
    "guidance_embed": True,
    "default_ref_method": "index",
    "ref_index_scale": 10.0,
    "txt_ids_dims": [3],
}
# Chroma gives its blocks by a network of its own what FLUX gives them by the time and the pooled text.
# It counts the channels of a whole token.
APPROXIMATOR = {
    "in_channels": 4 * LATENT,
    "out_channels": 4 * LATENT,
    "in_dim": 64,
    "out_dim": WIDTH,
    "hidden_dim": 32,
    "n_layers": 2,
}


@dataclass(frozen=True)
class Flux:
    """A published model with FLUX's blocks: its class in comfy.supported_models, and its configuration."""

    config_class: str
    config: dict[str, Any] = field(default_factory=dict)


KINDS = {
    "flux dev": Flux("Flux", {**FLUX, "guidance_embed": True}),
    "flux schnell": Flux("FluxSchnell", {**FLUX, "guidance_embed": False}),
    "chroma": Flux("Chroma", {"image_model": "chroma", **COMMON, **APPROXIMATOR}),
    # 19 double blocks, so adapters fit; the single ones, which no adapter reads, are few.
    "short dev": Flux("Flux", {**FLUX, "guidance_embed": True, "depth_single_blocks": 2}),
    # The layout of FLUX.2 klein: five double blocks, for which there are no adapters.
    "flux2 klein": Flux("Flux", {**FLUX, "guidance_embed": False, "depth": 5, "depth_single_blocks": 2}),
    # What reads references has few blocks too: each does the same.
    "short kontext": Flux("Flux", {**FLUX, "guidance_embed": True, "depth": 2, "depth_single_blocks": 2}),
    "short flux2": Flux("Flux2", {**FLUX2, "depth": 2, "depth_single_blocks": 2}),
}


def kind_named(name: str) -> Flux:
    """The kind of a name; raises ValueError listing the known ones."""
    if name not in KINDS:
        raise ValueError(f"no miniature FLUX {name!r}; there are {', '.join(KINDS)}")
    return KINDS[name]
