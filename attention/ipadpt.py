"""Embeds that ComfyUI_IPAdapter_plus saved: one tensor in a torch file, of which nothing is run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from .embeds import Embeds

SUFFIX = ".ipadpt"
# (n, F) or (n, L, F); the file does not say which encoder made them.
_FEATURES = {2: "image_embeds", 3: "penultimate"}


def load(path: Path) -> Embeds:
    """The embeds in a file: pooled ones, or hidden states, by the number of its dimensions.

    Raises ValueError naming the file when it is damaged, holds anything but one tensor of features, or asks to run
    code.
    """
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"'{path.name}' cannot be read as saved embeds; only tensors are taken from such a file, nothing in it is "
            f"run: {reason}. Encode the pictures again and save them with Save Embeds."
        ) from error
    if not isinstance(found, Tensor) or found.ndim not in _FEATURES or not found.is_floating_point() or not len(found):
        raise ValueError(f"'{path.name}' holds {_described(found)}, and no embeds of a picture: (n, F) or (n, L, F).")
    if not bool(torch.isfinite(found).all()):
        raise ValueError(f"'{path.name}' holds values that are no numbers (NaN or infinite).")
    features = {_FEATURES[found.ndim]: found.float().contiguous()}
    return Embeds(**cast(dict[str, Any], features))


def _described(found: Any) -> str:
    return f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
