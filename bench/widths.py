"""The widths of published models, in place of the miniatures'."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

WIDTHS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "sd15": {
            "unet_config": {"model_channels": 320, "context_dim": 768},
            "unet_extra_config": {},
            "text": {"clip_l": 768},
        },
        "sdxl": {
            "unet_config": {"model_channels": 320, "context_dim": 2048, "adm_in_channels": 2816},
            "unet_extra_config": {"num_head_channels": 64},
            "text": {"clip_l": 768, "clip_g": 1280},
        },
    }
)


def widen(*names: str) -> None:
    """Give these families of miniatures what was published."""
    from miniature import families

    for name in names:
        family, wide = families.FAMILIES[name], WIDTHS[name]
        configs = {key: {**getattr(family, key), **wide[key]} for key in ("unet_config", "unet_extra_config")}
        families.FAMILIES[name] = dataclasses.replace(family, **configs, text=wide["text"])
