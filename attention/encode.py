"""Runs the host's CLIP vision on reference pictures, and on the picture that stands for 'no reference'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import comfy.clip_model
import comfy.model_management
import torch
import torch.nn.functional as F
from torch import Tensor

from .embeds import Embeds, stacked
from .encoders import encoder_of
from .memo import Memo, digest
from .picture import what_the_encoder_sees

# 257 hidden states of 1280 in float32 are 1.3 MB a picture.
MEMO_BUDGET = 1 << 28
_memos: WeakKeyDictionary[Any, Memo[Embeds]] = WeakKeyDictionary()


def encode(clip_vision: Any, image: Tensor, fit: str = "crop", mask: Tensor | None = None) -> Embeds:
    """The embeds of pictures (n, H, W, 3 or more), 0..1; each distinct picture is encoded once.

    `fit` names how a picture becomes the encoder's square (`picture.FITS`). `mask` (n or 1, H, W), 0..1,
    leaves the mean colour where it is 0. Encoded pictures are remembered as long as the encoder lives.
    """
    memo = _memo(clip_vision)
    pictures = [(picture, _mask_of(mask, i, picture.device)) for i, picture in enumerate(image)]
    keys = [(fit, digest(picture, *(() if m is None else (m,)))) for picture, m in pictures]

    def one(index: int) -> Callable[[], Embeds]:
        picture, picture_mask = pictures[index]
        return lambda: _embeds(clip_vision, _pixel_values(clip_vision, picture, fit, picture_mask))

    return stacked([memo.get(key, one(i)) for i, key in enumerate(keys)])


def encode_zero_pixels(clip_vision: Any) -> Embeds:
    """The embeds (n = 1) of an all-zero tensor of normalised pixels, which is a picture of the mean colour.

    The unconditional input of plus adapters in the authors' code; a black picture is another input.
    """
    size = clip_vision.image_size
    return _memo(clip_vision).get("zero pixels", lambda: _embeds(clip_vision, torch.zeros(1, 3, size, size)))


def seen(clip_vision: Any, image: Tensor, fit: str = "crop", mask: Tensor | None = None) -> Tensor:
    """What `encode` shows the encoder of pictures (n, H, W, C), 0..1: its squares (n, S, S, 3), to look at."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (clip_vision.image_mean, clip_vision.image_std))
    squares = [
        _pixel_values(clip_vision, picture, fit, _mask_of(mask, i, picture.device)) * std + mean
        for i, picture in enumerate(image.cpu())
    ]
    return torch.cat(squares).movedim(1, -1).clamp(0, 1)


def describe(clip_vision: Any) -> str:
    """The encoder in words, by its widths."""
    config = clip_vision.config
    tokens = (config["image_size"] // config["patch_size"]) ** 2 + 1
    return encoder_of(config.get("projection_dim", config["hidden_size"]), config["hidden_size"], tokens)


def _memo(clip_vision: Any) -> Memo[Embeds]:
    return _memos.setdefault(clip_vision, Memo(MEMO_BUDGET, _nbytes))


def _nbytes(embeds: Embeds) -> int:
    return sum(embeds.feature(name).nbytes for name in embeds.names)


def _mask_of(mask: Tensor | None, index: int, device: torch.device) -> Tensor | None:
    """The mask of one picture, where that picture is: the host may keep the two on different devices."""
    return None if mask is None else mask[min(index, len(mask) - 1)].to(device)


def _pixel_values(clip_vision: Any, picture: Tensor, fit: str, mask: Tensor | None) -> Tensor:
    """Normalised pixels (1, 3, S, S) of one picture (H, W, C)."""

    def preprocess(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
        square = what_the_encoder_sees(pixels, fit, clip_vision.image_size)
        return comfy.clip_model.clip_preprocess(square, clip_vision.image_size, mean, std)

    pixels = preprocess(_rgb(picture), clip_vision.image_mean, clip_vision.image_std)
    if mask is None:
        return pixels
    shown = F.interpolate(mask[None, None].float(), size=picture.shape[:2], mode="bilinear", antialias=True)
    # The mask takes the picture's way to the square; times normalised pixels, 0 is the mean colour.
    return pixels * preprocess(shown.expand(-1, 3, -1, -1).movedim(1, -1), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def _rgb(picture: Tensor) -> Tensor:
    """A picture (H, W, 1, 3 or 4) as (1, H, W, 3)."""
    channels = picture.shape[-1]
    return (picture.expand(-1, -1, 3) if channels == 1 else picture[..., :3])[None].float()


def _embeds(clip_vision: Any, pixel_values: Tensor) -> Embeds:
    comfy.model_management.throw_exception_if_processing_interrupted()
    comfy.model_management.load_models_gpu([clip_vision.patcher])
    keep = comfy.model_management.intermediate_device()
    _, penultimate, image_embeds, _ = clip_vision.model(
        pixel_values=pixel_values.to(clip_vision.load_device), intermediate_output=-2
    )
    return Embeds(
        image_embeds=image_embeds.float().to(keep),
        penultimate=penultimate.float().to(keep),
        encoder=describe(clip_vision),
    )
