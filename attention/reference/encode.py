"""Runs the host's CLIP vision on reference pictures, and on the picture that means 'no reference'."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import comfy.clip_model
import comfy.model_management
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor
from torch.func import functional_call

from ..cache import Cache, digest
from ..inputs import at, check_pictures, masks_of
from .embeds import Embeds, stacked
from .encoders import encoder_of
from .siglip_head import head_of, is_siglip
from .square import CROP, what_the_encoder_sees

# Bytes. 257 hidden states of 1280 in float32 are 1.3 MB a picture, its square of 224 pixels 0.6 MB.
CACHE_BUDGET = 1 << 28
SQUARES_BUDGET = 1 << 26
MOST_AT_ONCE = 16
POSITIONS = "vision_model.embeddings.position_embedding.weight"
_caches: WeakKeyDictionary[Any, Cache[Embeds]] = WeakKeyDictionary()
_squares: WeakKeyDictionary[Any, Cache[Tensor]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Shot:
    """A picture (H, W, C), 0..1, on its way to an encoder, how it becomes a square, its mask (H, W), and the square's side.

    `size` is None for the encoder's own.
    """

    picture: Tensor
    fit: str
    mask: Tensor | None
    size: int | None = None

    def key(self) -> tuple[str, int | None, str]:
        return self.fit, self.size, digest(self.picture, *(() if self.mask is None else (self.mask,)))


def encode(
    clip_vision: Any, image: Tensor, fit: str = CROP, mask: Tensor | None = None, size: int | None = None
) -> Embeds:
    """The embeds of pictures (n, H, W, 3 or more), 0..1; each distinct picture is encoded once.

    `fit` names how a picture becomes the encoder's square (`SQUARE_FITS`). `mask` (n or 1, H, W), 0..1,
    leaves the mean colour where it is 0. `size` is the side of that square in pixels where it is not the encoder's own.
    Encoded pictures are cached as long as the encoder lives.
    """
    shots = _shots(image, fit, mask, size)
    keys = [shot.key() for shot in shots]

    def make(places: Sequence[int]) -> list[Embeds]:
        step = _at_once(clip_vision, size)
        made: list[Embeds] = []
        for first in range(0, len(places), step):
            pixels = [_square(clip_vision, shots[i], keys[i]) for i in places[first : first + step]]
            made.extend(_embeds(clip_vision, torch.cat(pixels)))
        return made

    return stacked(_cache(clip_vision).get_all(keys, make))


def encode_zero_pixels(clip_vision: Any, size: int | None = None) -> Embeds:
    """The embeds (n = 1) of an all-zero tensor of normalised pixels, which is a picture of the mean colour.

    The unconditional input of plus adapters in the authors' code; a black picture is another input. It is a
    constant of the encoder and of `size`, and encoded once for them.
    """
    side = size or clip_vision.image_size
    return _cache(clip_vision).get(
        f"zero pixels {side}", lambda: _embeds(clip_vision, torch.zeros(1, 3, side, side))[0]
    )


def seen(
    clip_vision: Any, image: Tensor, fit: str = CROP, mask: Tensor | None = None, size: int | None = None
) -> Tensor:
    """What `encode` shows the encoder of pictures (n, H, W, C), 0..1: its squares (n, S, S, 3), to look at."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (clip_vision.image_mean, clip_vision.image_std))
    squares = [_square(clip_vision, shot, shot.key()).cpu() * std + mean for shot in _shots(image, fit, mask, size)]
    return torch.cat(squares).movedim(1, -1).clamp(0, 1)


def keys_of(image: Tensor, fit: str = CROP, mask: Tensor | None = None) -> list[Hashable]:
    """A key for each picture that `encode` is given: equal ones are encoded, and look, alike."""
    return [shot.key() for shot in _shots(image, fit, mask)]


def describe(clip_vision: Any, size: int | None = None) -> str:
    """The encoder in words, by its widths, and the size of its pictures where that is not its own."""
    config = clip_vision.config
    tokens = (config["image_size"] // config["patch_size"]) ** 2 + (not is_siglip(clip_vision))
    label = encoder_of(config.get("projection_dim", config["hidden_size"]), config["hidden_size"], tokens)
    return label if size in (None, config["image_size"]) else f"{label} at {size} pixels"


def _cache(clip_vision: Any) -> Cache[Embeds]:
    return _caches.setdefault(clip_vision, Cache(CACHE_BUDGET, _nbytes))


def _nbytes(embeds: Embeds) -> int:
    return sum(embeds.feature(name).nbytes for name in embeds.names)


def _shots(image: Tensor, fit: str, mask: Tensor | None, size: int | None = None) -> list[Shot]:
    check_pictures(image)
    if mask is not None:
        mask = masks_of(mask, "the mask of the reference")
    return [Shot(picture, fit, _mask_of(mask, i, picture.device), size) for i, picture in enumerate(image)]


def _mask_of(mask: Tensor | None, index: int, device: torch.device) -> Tensor | None:
    """The mask of one picture, where that picture is: the host may keep the two on different devices."""
    return None if mask is None else at(mask, index).to(device)


def _square(clip_vision: Any, shot: Shot, key: Hashable) -> Tensor:
    """Normalised pixels (1, 3, S, S), made once for encoding a picture and for showing it."""
    cache = _squares.setdefault(clip_vision, Cache(SQUARES_BUDGET, lambda pixels: pixels.nbytes))
    return cache.get(key, lambda: _pixel_values(clip_vision, shot.picture, shot.fit, shot.mask, shot.size))


def _pixel_values(clip_vision: Any, picture: Tensor, fit: str, mask: Tensor | None, size: int | None = None) -> Tensor:
    """Normalised pixels (1, 3, S, S) of one picture (H, W, C)."""
    side: int = size or clip_vision.image_size

    def preprocess(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
        square = what_the_encoder_sees(pixels, fit, side)
        return comfy.clip_model.clip_preprocess(square, side, mean, std)

    pixels = preprocess(_rgb(picture), clip_vision.image_mean, clip_vision.image_std)
    if mask is None:
        return pixels
    shown = F.interpolate(mask[None, None].float(), size=picture.shape[:2], mode="bilinear", antialias=True)
    # The mask takes the picture's way to the square; times normalised pixels, 0 is the mean colour.
    return pixels * preprocess(repeat(shown, "1 1 h w -> 1 h w rgb", rgb=3), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def _rgb(picture: Tensor) -> Tensor:
    """A picture (H, W, 1, 3 or 4) as (1, H, W, 3)."""
    channels = picture.shape[-1]
    return (picture.expand(-1, -1, 3) if channels == 1 else picture[..., :3])[None].float()


def _at_once(clip_vision: Any, size: int | None = None) -> int:
    """How many pictures to encode in one batch: what the host says there is memory for.

    One on a processor: there the same picture gives the same bits whatever else is in the batch, which matters
    more than the tenth or two that a batch of a large encoder is faster there (`bench/README.md`).
    """
    device = clip_vision.load_device
    if comfy.model_management.is_device_cpu(device):
        return 1
    free: Any = comfy.model_management.get_free_memory(device)
    return max(1, min(MOST_AT_ONCE, int(free // _bytes_of_one(clip_vision, size))))


def _bytes_of_one(clip_vision: Any, size: int | None = None) -> int:
    """What one picture takes while it is encoded: in a layer, some copies of its hidden states and the wide ones."""
    config = clip_vision.config
    tokens = ((size or config["image_size"]) // config["patch_size"]) ** 2 + 1
    width = 8 * config["hidden_size"] + 2 * config.get("intermediate_size", 4 * config["hidden_size"])
    return tokens * width * comfy.model_management.dtype_size(torch.float32)


def _embeds(clip_vision: Any, pixel_values: Tensor) -> list[Embeds]:
    """The embeds (n = 1 each) of normalised pixels (n, 3, S, S), encoded in one batch."""
    comfy.model_management.throw_exception_if_processing_interrupted()
    size = pixel_values.shape[-1]
    needed = len(pixel_values) * _bytes_of_one(clip_vision, size)
    comfy.model_management.load_models_gpu([clip_vision.patcher], memory_required=needed)
    keep = comfy.model_management.intermediate_device()
    pixels, positions = pixel_values.to(clip_vision.load_device), _positions(clip_vision, size)
    run = partial(functional_call, clip_vision.model, positions, ()) if positions else None
    given = {"pixel_values": pixels, "intermediate_output": -2}
    last, penultimate, image_embeds, _ = run(given) if run else clip_vision.model(**given)
    made = {"image_embeds": image_embeds, "penultimate": penultimate}
    if is_siglip(clip_vision):
        head = head_of(clip_vision)
        made["image_embeds"] = None if head is None else head(last)
    kept = {name: tensor.float().to(keep) for name, tensor in made.items() if tensor is not None}
    encoder = describe(clip_vision, size)
    # Copies: a part of a batch would hold the memory of all of it.
    return [
        Embeds(**{name: tensor[i : i + 1].clone() for name, tensor in kept.items()}, encoder=encoder)
        for i in range(len(pixel_values))
    ]


def _positions(clip_vision: Any, size: int) -> dict[str, Tensor]:
    """The position embeddings of an encoder for pictures of another size than its own, by their name; else none.

    The grid of the patches is scaled bicubically with its corners kept where they are, the class token's stays.
    """
    if size == clip_vision.image_size:
        return {}
    weight: Tensor = clip_vision.model.get_parameter(POSITIONS)
    own, side = (pixels // clip_vision.config["patch_size"] for pixels in (clip_vision.image_size, size))
    grid = rearrange(weight[1:].float(), "(h w) d -> 1 d h w", h=own)
    scaled = F.interpolate(grid, size=(side, side), mode="bicubic", align_corners=True)
    return {POSITIONS: torch.cat([weight[:1].float(), rearrange(scaled, "1 d h w -> (h w) d")])}
