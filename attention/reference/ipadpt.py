"""Embeds that ComfyUI_IPAdapter_plus saved: one tensor in a torch file, of which nothing is run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..files import header, pickle_header
from .embeds import Embeds
from .encoders import OF_PICTURES
from .features import FEATURES

SUFFIX = ".ipadpt"


class NoEmbeds(ValueError):
    """The file can be read, but it contains something else."""


# (n, F) or (n, L, F); the file does not say which encoder made them.
_BY_DIMENSIONS = {FEATURES[name].dimensions: name for name in OF_PICTURES}


def load(path: Path) -> Embeds:
    """The embeds in a file: pooled ones, or hidden states, by the number of its dimensions.

    Raises ValueError naming the file when it is damaged, holds anything but one tensor of features, or asks to run
    code.
    """
    try:
        size = header.state(path).st_size
        _check(path, pickle_header.outline(path), size)  # before torch makes room for what the file says it holds
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except NoEmbeds:
        raise
    except (pickle.UnpicklingError, *header.DAMAGED) as error:
        raise ValueError(
            f"'{path.name}' cannot be read as saved embeds; only tensors are taken from such a file, and nothing in it is "
            f"run: {header.reason(error)}. Encode the pictures again and save them with Save Embeds."
        ) from error
    if not bool(torch.isfinite(found).all()):
        raise ValueError(f"'{path.name}' contains NaN or infinity.")
    features = {_BY_DIMENSIONS[found.ndim]: found.float().contiguous()}
    return Embeds(**features)


def _check(path: Path, found: Any, size: int) -> None:
    if not isinstance(found, Tensor) or found.ndim not in _BY_DIMENSIONS or not found.is_floating_point():
        raise NoEmbeds(f"'{path.name}' contains {_described(found)}, not the embeds of a picture: (n, F) or (n, L, F).")
    if not 0 < found.numel() * found.itemsize <= size:
        raise NoEmbeds(
            f"'{path.name}' claims to contain {_described(found)}; its {size:,} bytes have no room for that."
        )


def _described(found: Any) -> str:
    return f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
