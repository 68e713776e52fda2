"""The sizes of the world's base model: Segmind Vega's layout (15 cross-attentions), narrower."""

from ..families import IMAGE_WIDTH, Family

WORLD = Family(
    config_class="Segmind_Vega",
    unet_config={
        "image_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": 64,
        "use_spatial_transformer": True,
        "legacy": False,
        "use_temporal_attention": False,
        "use_temporal_resblock": False,
        "context_dim": 128,
        "adm_in_channels": 6 * IMAGE_WIDTH + 80,
        "num_classes": "sequential",
        "use_linear_in_transformer": True,
        "channel_mult": [1, 1, 1],
        "num_res_blocks": [2, 2, 2],
        "transformer_depth": [0, 0, 1, 1, 2, 2],
        "transformer_depth_middle": -1,
        "transformer_depth_output": [0, 0, 0, 1, 1, 1, 2, 2, 2],
    },
    unet_extra_config={"num_heads": -1, "num_head_channels": 32},
    text={"clip_l": 48, "clip_g": 80},
    latent_scale=0.13025,
)
TEXT_SEED = 21  # of the frozen text encoder, the one of the miniature SDXL
VISION = "vit_h"  # the miniature that the image encoder is
VISION_SEED = 22  # of the weights it begins with
FACE_SEED = 23  # of the frozen face encoder
STYLE, COMPOSITION = 9, 7  # the blocks that carry them; bench/README.md has what each block carries
