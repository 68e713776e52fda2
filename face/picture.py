"""ComfyUI's IMAGE tensor -> pictures of 8-bit RGB with a hash of their content."""

import hashlib

import numpy as np
import torch
from torch import Tensor

from .value import Picture, Pixels

CHANNELS = (1, 3, 4)


def pictures(image: Tensor) -> tuple[Picture, ...]:
    """The pictures of an IMAGE (B, H, W, C), 0..1; C is 1 (grey), 3 (RGB) or 4 (alpha, which is dropped).

    Rounded to 8 bit as the host does, because every detector and recogniser was trained on 8-bit pictures.
    Raises ValueError for another shape, another type, NaN or infinity.
    """
    if image.ndim != 4 or image.shape[-1] not in CHANNELS or 0 in image.shape:
        raise ValueError(f"A picture must be (batch, height, width, 1, 3 or 4 channels), found {tuple(image.shape)}.")
    if not image.is_floating_point():
        raise ValueError(f"A picture must contain floats from 0 to 1, found {image.dtype}.")
    count = image.shape[0]
    return tuple(_picture(index, count, image[index]) for index in range(count))


def to_image(pixels: list[Pixels]) -> Tensor:
    """Equally large (H, W, 3) uint8 pictures -> IMAGE (B, H, W, 3), 0..1."""
    return torch.from_numpy(np.stack(pixels)).float().div_(255.0)


def _picture(index: int, count: int, image: Tensor) -> Picture:
    if not bool(torch.isfinite(image).all()):
        raise ValueError(
            f"Picture {index + 1} of {count} contains NaN or infinity. "
            "Check the node that made it: half precision in a VAE is the usual cause."
        )
    rgb = image[..., :3].expand(-1, -1, 3)
    pixels: Pixels = rgb.float().mul(255.0).add_(0.5).clamp_(0, 255).to(torch.uint8).cpu().contiguous().numpy()
    pixels.setflags(write=False)
    return Picture(index, count, (pixels.shape[1], pixels.shape[0]), _digest(pixels), pixels)


def _digest(pixels: Pixels) -> str:
    content = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    content.update(pixels.data)
    return content.hexdigest()
