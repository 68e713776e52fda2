"""A LoRA with random weights for the miniature SDXL, in the layout in which most are published."""

from torch import Tensor

from .families import FAMILIES
from .seeded import weight

RANK = 4
BLOCKS = ("input_blocks_4_1_transformer_blocks_0", "input_blocks_4_1_transformer_blocks_1")
LAYERS = ("attn1_to_q", "attn1_to_k", "attn1_to_v", "attn1_to_out_0")


def lora_state_dict(seed: int, gain: float = 1.0) -> dict[str, Tensor]:
    """Down and up projections of the self-attentions of two blocks of the second resolution."""
    config = FAMILIES["sdxl"].unet_config
    width = config["model_channels"] * config["channel_mult"][1]
    made: dict[str, Tensor] = {}
    for layer in (f"lora_unet_{block}_{name}" for block in BLOCKS for name in LAYERS):
        made[f"{layer}.lora_down.weight"] = weight(seed, f"{layer}.down", (RANK, width), gain)
        made[f"{layer}.lora_up.weight"] = weight(seed, f"{layer}.up", (width, RANK), gain)
    return made
