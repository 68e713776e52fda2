"""Gives the scenarios' models and adapters their published widths; weights are drawn on the device, which is quick.

They then lie in the processor's memory, in half precision, as those of a file would.
"""

from __future__ import annotations

import hashlib
from functools import cache
from types import SimpleNamespace
from typing import Any

import models
import torch
from widths import WIDTHS, widen

RESAMPLERS = {"sd15": 768, "sdxl": 1280}
SIDES = {"sd15": 64, "sdxl": 128}
"""Of a latent: 512 and 1024 pixels."""
POOLED = "clip_g"
ENCODER = "vit_h_wide"
"""Of published widths, which are what adapters read."""


def publish(is_small: bool) -> None:
    """Make `models` give what was published; with `is_small` the miniatures in its place, made the same way."""
    from miniature import adapters, seeded

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.float32 if is_small else torch.float16
    if not is_small:
        widen(*WIDTHS)
        models.LATENT.update({name: (4, side, side) for name, side in SIDES.items()})
        adapters.RESAMPLER.update(RESAMPLERS)
        adapters.resampler = lambda sizes, reads: {
            "latents": (1, 16, sizes.resampler),
            **adapters.perceiver(sizes.resampler, reads, sizes.context, heads=sizes.resampler // adapters.HEAD),
        }
        adapters.attention_layers.cache_clear()

    def drawn(seed: int, name: str, shape: Any, std: float = 1.0, mean: float = 0.0) -> torch.Tensor:
        number = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:7], "big")
        generator = torch.Generator(device).manual_seed(number)
        return torch.randn(tuple(shape), generator=generator, device=device, dtype=dtype).mul_(std).add_(mean).cpu()

    def kept(*given: Any, **named: Any) -> torch.Tensor:
        return drawn(*given, **named).float()

    def made(make: Any) -> Any:
        seeded.normal = drawn
        try:
            return make()
        finally:
            seeded.normal = kept

    seeded.normal = kept
    models.base = cache(lambda family: _base(family, dtype, made))
    models.loaded = cache(_loaded)
    models._net = cache(lambda: made(lambda: _net(dtype)))


def _base(family: str, dtype: torch.dtype, made: Any) -> SimpleNamespace:
    from miniature import families
    from miniature import models as miniatures

    widths = families.family_named(family)

    def text(seed: int) -> list[Any]:
        generator = torch.Generator().manual_seed(seed)
        pooled = {"pooled_output": torch.randn(1, widths.text[POOLED], generator=generator)} if family == "sdxl" else {}
        return [[torch.randn(1, 77, widths.context_dim, generator=generator), pooled]]

    model = made(lambda: miniatures.unet(family, 1, dtype))
    return SimpleNamespace(model=model, positive=text(1), negative=text(2))


def _net(dtype: torch.dtype) -> Any:
    from miniature import models as miniatures

    return miniatures.controlnet(4, "sdxl", dtype)


def _loaded(family: str, variant: str) -> Any:
    """As loaded from a file of half precision."""
    import safetensors.torch
    from miniature import adapters
    from miniature import models as miniatures
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.nodes.wires import LoadedAdapter

    path = models.FILES / f"{family}-{variant}-half.safetensors"
    tensors = adapters.flat(adapters.adapter_state_dict(family, variant, 7, encoder=ENCODER))
    safetensors.torch.save_file({name: tensor.half().contiguous() for name, tensor in tensors.items()}, path)
    kind = "instantid" if variant == "instantid" else "auto"
    encoder = None if variant == "instantid" else miniatures.clip_vision(ENCODER, 3)
    return LoadedAdapter(Adapter(checkpoint.read(path), kind), encoder)
