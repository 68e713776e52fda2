"""A face's picture -> the features that PuLID reads, by an EVA02-CLIP image tower under the host's memory management."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.utils
import torch
import torch.nn.functional as F
from torch import Tensor

from ..cache import Cache, digest
from .embeds import Embeds, stacked
from .encoders import OF_FACES, encoder_of
from .eva import PREFIX, EvaTower, TowerSizes, sizes_of

COMPUTED = "rope.freqs"
"""In the published file, and made anew from the sizes: the rotary positions."""
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CACHE_BUDGET = 1 << 28
"""Bytes. The five hidden states of a picture are 12 MB in float32."""
_caches: WeakKeyDictionary[Any, Cache[Embeds]] = WeakKeyDictionary()


class FaceTower:
    """An EVA02-CLIP image tower as a loader gives it: `patcher` is the host's, `sizes` what it reads and gives."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        sizes = sizes_of({key: tuple(tensor.shape) for key, tensor in weights.items()})
        if sizes is None:
            raise ValueError("it has no image tower of EVA02-CLIP.")
        self.sizes: TowerSizes = sizes
        with torch.device("meta"):
            tower = EvaTower(sizes, comfy.ops.manual_cast)
        tower.load_state_dict(weights, strict=True, assign=True)
        tower.eval().requires_grad_(False)
        comfy.model_management.archive_model_dtypes(tower)
        self.tower = tower
        self.patcher = comfy.model_patcher.CoreModelPatcher(
            tower,
            load_device=comfy.model_management.text_encoder_device(),
            offload_device=comfy.model_management.text_encoder_offload_device(),
        )

    @property
    def label(self) -> str:
        return encoder_of(self.sizes.pooled, self.sizes.width, self.sizes.tokens, OF_FACES)


def load(path: str) -> FaceTower:
    """The image tower in a file of EVA02-CLIP, whose text part is left alone. Nothing in it is ever run.

    Raises ValueError naming the file where it has none, or weights are missing or misshaped.
    """
    tensors = cast(dict[str, Tensor], comfy.utils.load_torch_file(path, safe_load=True))
    weights = {
        key.removeprefix(PREFIX): tensor
        for key, tensor in tensors.items()
        if key.startswith(PREFIX) and COMPUTED not in key
    }
    try:
        return FaceTower(weights)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(f"'{Path(path).name}' cannot be used as EVA02-CLIP's image tower: {reason}") from error


def encode_faces(encoder: Any, pictures: Tensor, shown: Callable[[Tensor], Tensor] = lambda picture: picture) -> Embeds:
    """The embeds (`face_pooled` of length 1, `face_hidden`) of squares (n, H, W, 3), 0..1; each different one encoded once.

    `encoder` is a FaceTower, or what stands for one; `shown` makes of a picture (1, H, W, 3) what it sees, and runs only
    for one that is new to it. The embeds are kept as long as the encoder lives. Raises ValueError for an encoder of
    another kind.
    """
    if not isinstance(getattr(encoder, "tower", None), EvaTower):
        raise ValueError(
            "the connected CLIP vision is not EVA02-CLIP, which PuLID reads. Disconnect 'clip_vision': the file is found by "
            "its contents in models/clip_vision."
        )
    cache = _caches.setdefault(encoder, Cache(CACHE_BUDGET, lambda embeds: embeds.feature("face_hidden").nbytes))
    return stacked([cache.get(digest(picture), partial(_encoded, encoder, shown, picture)) for picture in pictures])


def _encoded(encoder: FaceTower, shown: Callable[[Tensor], Tensor], picture: Tensor) -> Embeds:
    comfy.model_management.throw_exception_if_processing_interrupted()
    seen = shown(picture[None])  # before the tower is loaded: it may load a network of its own
    comfy.model_management.load_models_gpu([encoder.patcher])
    keep = comfy.model_management.intermediate_device()
    pixels = normalised(seen, encoder.sizes.picture).to(encoder.patcher.load_device)
    pooled, hidden = encoder.tower(pixels)
    return Embeds(
        face_pooled=F.normalize(pooled.float(), dim=-1, eps=0.0).to(keep),
        face_hidden=hidden.float().to(keep),
        encoder=encoder.label,
    )


def normalised(pictures: Tensor, side: int) -> Tensor:
    """Pictures (n, H, W, 3), 0..1, as pixels (n, 3, side, side) with CLIP's mean and deviation.

    Scaled bicubically with antialiasing and not clamped, as torchvision does since 0.17; PuLID's authors pinned an older
    one, which differs by 0.004 of 1 in the mean.
    """
    mean, std = (torch.tensor(row).view(1, 3, 1, 1).to(pictures) for row in (MEAN, STD))
    pixels = F.interpolate(
        pictures.float().movedim(-1, 1), (side, side), mode="bicubic", antialias=True, align_corners=False
    )
    return (pixels - mean) / std
