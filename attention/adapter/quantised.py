"""Turns weights that are stored as fp8 or int8 with a scale beside them into plain numbers.

W = stored * scale, the scale being one number or one for each row: ComfyUI's scaled fp8 (`scale_weight`) and its formats
of today (`weight_scale`, with a description in `comfy_quant`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch
from torch import Tensor

SCALES = ("scale_weight", "weight_scale")
"""What the scale of a `weight` is called in its place."""
BESIDE = ("scale_input", "input_scale", "comfy_quant")
"""What quantised files also have beside a weight; the weight is whole without it."""
MARK = "scaled_fp8"
"""An entry without meaning for the weights that ComfyUI puts into files of scaled fp8."""
_ONE_SCALE = ("float8_e4m3fn", "float8_e5m2", "int8_tensorwise")  # the host's formats that are stored * scale


def dequantised(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights with every scale multiplied into its own, those in float32.

    Raises ValueError for a format that is more than stored numbers times a scale.
    """
    found: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        stem, _, name = key.rpartition(".")
        if name == "comfy_quant":
            _check_format(stem, tensor)
        if name in SCALES or name in BESIDE:
            continue
        scale = next((tensors[f"{stem}.{each}"] for each in SCALES if f"{stem}.{each}" in tensors), None)
        found[key] = tensor if scale is None or name != "weight" else _scaled(key, tensor, scale)
    return found


def _scaled(key: str, stored: Tensor, scale: Tensor) -> Tensor:
    if not stored.ndim or scale.numel() not in (1, stored.shape[0]):
        raise ValueError(
            f"its weight '{key}' of shape {list(stored.shape)} has a scale of shape {list(scale.shape)}; one number, or one "
            "for each row, is read."
        )
    rows = scale.float().reshape(-1, *(1,) * (stored.ndim - 1))
    return stored.to(torch.float32) * rows


def _check_format(stem: str, description: Tensor) -> None:
    if description.is_meta:
        return  # only names and shapes are known
    try:
        said = json.loads(bytes(description.flatten().to(torch.uint8).tolist()))
        kind, is_rotated = said.get("format"), bool(said.get("convrot"))
    except (ValueError, AttributeError) as error:
        raise ValueError(f"the description of how '{stem}' is quantised is damaged.") from error
    if kind not in _ONE_SCALE or is_rotated:
        raise ValueError(
            f"its weight '{stem}' is quantised as {kind}{' with rotation' if is_rotated else ''}; of quantised adapters those "
            f"in {', '.join(_ONE_SCALE)} are read. Use the file it was made from."
        )
