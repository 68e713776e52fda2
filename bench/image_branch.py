"""The narrow Wans whose own image branch scenarios scale, and what they connect to Scale Image Branch."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from scenarios import Branch

KINDS = {"wan": ("wan2.1 i2v", 1), "flf2v": ("wan2.1 flf2v", 2)}
"""Families of scenarios: of the 40 blocks of Wan 14B, and how many pictures they are shown."""
PICTURE = (1, 257, 1280)
"""What CLIP ViT-H gives of a picture, as published."""


def plain(family: str) -> SimpleNamespace:
    """The model and two conditionings, both with the pictures, as WanImageToVideo and its relatives make them."""
    from comfy.clip_vision import Output
    from miniature import wan

    kind, pictures = KINDS[family]
    seen, draw = Output(), torch.Generator().manual_seed(1)
    seen.penultimate_hidden_states = torch.cat([torch.randn(PICTURE, generator=draw) for _ in range(pictures)], 1)
    clip = wan.clip(1)
    texts = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red cat", ""))
    positive, negative = ([[t, extra | {"clip_vision_output": seen}] for t, extra in text] for text in texts)
    return SimpleNamespace(model=wan.model(kind, 1), positive=positive, negative=negative)


def scaled(model: Any, branch: Branch, wires: Mapping[str, Any], changes: Mapping[str, Any]) -> Any:
    """The model behind the node with a branch's inputs and wires, and other settings over them."""
    from pack.nodes.forms.scale_image_branch import ScaleImageBranch

    return ScaleImageBranch.execute(model, **{**branch.inputs, **changes}, **wires).args[0]
