"""The same seeded image encoder as transformers' and as the host's, and pictures for it."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .packages import reference
from .projections import Features
from .seeds import fill, normal

transformers = reference("transformers")
clip_vision = reference("comfy.clip_vision")


@dataclass(frozen=True)
class Size:
    """A published encoder's sizes, three layers deep and with a narrow feed-forward."""

    hidden: int
    pooled: int
    pixels: int = 224
    heads: int = 16
    activation: str = "gelu"


SIZES = MappingProxyType(
    {
        "vit_h": Size(1280, 1024),
        "big_g": Size(1664, 1280),
        "vit_l_336": Size(1024, 768, 336, activation="quick_gelu"),
    }
)


@dataclass(frozen=True)
class Encoder:
    """One set of weights twice, and the preprocessing published with them."""

    size: Size
    reference: nn.Module
    processor: object
    host: object

    @torch.no_grad()
    def features(self, pictures: list[Tensor]) -> dict[str, Tensor]:
        """transformers' features of pictures (H, W, 3) of whole grey levels, 0..1."""
        arrays = [(picture * 255).round().to(torch.uint8).numpy() for picture in pictures]
        return self.features_of(self.processor(arrays, return_tensors="pt").pixel_values)

    @torch.no_grad()
    def features_of(self, pixel_values: Tensor) -> dict[str, Tensor]:
        out = self.reference(pixel_values, output_hidden_states=True)
        return {"image_embeds": out.image_embeds, "penultimate": out.hidden_states[-2]}

    def zero_pixels(self, pictures: int = 1) -> Features:
        """The reference's unconditional input of plus adapters: an all-zero tensor of normalised pixels."""
        return self.features_of(torch.zeros(pictures, 3, self.size.pixels, self.size.pixels))


@cache
def encoder(name: str) -> Encoder:
    size = SIZES[name]
    config = {
        "hidden_size": size.hidden,
        "intermediate_size": size.hidden,
        "num_hidden_layers": 3,
        "num_attention_heads": size.heads,
        "image_size": size.pixels,
        "patch_size": 14,
        "num_channels": 3,
        "projection_dim": size.pooled,
        "hidden_act": size.activation,
    }
    model = transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(**config))
    # The host keeps encoders in half precision and computes in float32: weights that are exact in both.
    model = fill(model, "encoder", name).half().float()
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": size.pixels}, crop_size=size.pixels)
    host = clip_vision.ClipVisionModel({**config, "model_type": "clip_vision_model"})
    missing, unexpected = host.load_sd({key: t.clone() for key, t in model.state_dict().items()})
    unexpected = [key for key in unexpected if not key.endswith("position_ids")]
    if missing or unexpected:
        raise ValueError(f"the host's encoder lacks {missing} or does not know {unexpected}")
    host.model.requires_grad_(False)  # or what is made of its features keeps all its weights, for a backward pass
    return Encoder(size, model, processor, host)


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    """A smooth seeded picture (H, W, 3) of whole grey levels, 0..1."""
    coarse = normal(1, 3, 6, 6, key=("picture", seed))
    smooth = F.interpolate(coarse, size=(height, width), mode="bicubic")[0].movedim(0, -1)
    return (smooth.sigmoid() * 255).round() / 255
