"""A picture -> a noisy one, as a reference to steer away from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Generator, Tensor
from torchvision.transforms import functional as vision

from ..inputs import check_number, check_pictures

_PULL = 75.0  # pixels of a picture's side: how far 'shuffle' moves things, before smoothing
_SMOOTH = 3.5
_GRAIN = 0.75


def noise_picture(pictures: Tensor, kind: str, strength: float, blur: int, seed: int) -> Tensor:
    """Pictures (n, H, W, 3), 0..1, with noise of a kind from `NOISES`, 0..1, the same for the same seed.

    `strength` is 0..1; `blur` is the width in pixels of a Gaussian, 0 for none. Only a generator of its own is
    asked for random numbers, on the CPU. Raises ValueError for an unknown kind.
    """
    if kind not in NOISES:
        raise ValueError(f"there is no noise '{kind}'; choose one of: {', '.join(NOISES)}.")
    check_pictures(pictures)
    check_number(strength, "strength")
    generator = Generator("cpu").manual_seed(seed)
    pixels = pictures.cpu().float().movedim(-1, 1)
    noisy = NOISES[kind](pixels, strength, generator).clamp(0, 1)
    return _blurred(noisy, blur).movedim(1, -1).contiguous()


def square(pictures: Tensor, size: int) -> Tensor:
    """The centre of pictures (n, H, W, C) as squares (n, size, size, C): noise is seen at the encoder's own size."""
    check_pictures(pictures)
    height, width = pictures.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    centre = pictures[:, top : top + side, left : left + side, :3].movedim(-1, 1).float()
    scaled = F.interpolate(centre, size=(size, size), mode="bicubic", antialias=True)
    return scaled.clamp(0, 1).movedim(1, -1)


def _uniform(like: Tensor, generator: Generator) -> Tensor:
    return torch.rand(like.shape, generator=generator)


def _fade(x: Tensor, strength: float, generator: Generator) -> Tensor:
    return x * (1 - strength) + _uniform(x, generator) * strength


def _dissolve(x: Tensor, strength: float, generator: Generator) -> Tensor:
    chosen = _uniform(x, generator) < strength
    return torch.where(chosen, _uniform(x, generator), x)


def _gaussian(x: Tensor, strength: float, generator: Generator) -> Tensor:
    return x + strength * torch.randn(x.shape, generator=generator)


def _shuffle(x: Tensor, strength: float, generator: Generator) -> Tensor:
    """Pulled out of shape and turned by half a turn: the colours of the picture without its things, and some grain."""
    moved = vision.elastic_transform(x, _displacement(x, _SMOOTH * (1 - strength), generator))
    turned = moved.flip((-2, -1))
    grain = _GRAIN * strength * torch.randn(x.shape, generator=generator)
    return turned * (1 - grain) + grain


def _displacement(x: Tensor, smooth: float, generator: Generator) -> Tensor:
    """How far each pixel (1, H, W, 2) is moved, x then y, in fractions of half the picture's side."""
    height, width = x.shape[-2:]
    parts = [torch.rand((1, 1, height, width), generator=generator) * 2 - 1 for _ in range(2)]
    if smooth > 0:
        parts = [vision.gaussian_blur(part, [_odd(int(8 * smooth + 1))] * 2, [smooth] * 2) for part in parts]
    scaled = [part * _PULL / side for part, side in zip(parts, (width, height), strict=True)]
    return rearrange(scaled, "xy 1 1 h w -> 1 h w xy")


def _odd(width: int) -> int:
    return width + 1 - width % 2


def _blurred(x: Tensor, blur: int) -> Tensor:
    return vision.gaussian_blur(x, [_odd(blur)] * 2) if blur else x


Noise = Callable[[Tensor, float, Generator], Tensor]
NOISES: Mapping[str, Noise] = MappingProxyType(
    {"fade": _fade, "dissolve": _dissolve, "gaussian": _gaussian, "shuffle": _shuffle}
)
"""Name -> (x (n, 3, H, W) 0..1, strength 0..1, source of random numbers) -> x with noise, not yet clamped."""
