"""The host's own networks of other designs, on the meta device: they have shapes and no memory."""

import comfy.ldm.flux.model as flux
import comfy.ldm.modules.diffusionmodules.mmdit as mmdit
import comfy.ldm.wan.model as wan
import comfy.ops
import torch
from torch import nn

FAMILIES = {"FLUX": "Flux", "SD3": "MMDiT", "Wan": "WanModel"}
"""Family -> the class of its network."""


def network(family: str) -> nn.Module:
    ops = {"dtype": torch.float32, "device": "meta", "operations": comfy.ops.disable_weight_init}
    if family == "FLUX":
        return flux.Flux(
            image_model="flux", in_channels=16, out_channels=16, vec_in_dim=16, context_in_dim=16, hidden_size=64,
            mlp_ratio=2, num_heads=4, depth=1, depth_single_blocks=1, axes_dim=[4, 6, 6], theta=10000, patch_size=2,
            qkv_bias=True, guidance_embed=False, txt_ids_dims=[], **ops,
        )  # fmt: skip
    if family == "SD3":
        text = {"target": "torch.nn.Linear", "params": {"in_features": 16, "out_features": 64}}
        return mmdit.MMDiT(input_size=16, depth=1, context_embedder_config=text, **ops)
    return wan.WanModel(model_type="t2v", dim=64, ffn_dim=64, num_heads=4, num_layers=1, text_dim=16, **ops)
