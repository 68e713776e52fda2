"""The narrow Wan whose own image branch scenarios scale, and what they connect to Scale Image Branch."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from scenarios import Branch

KIND = "wan2.1 i2v"
"""Of the 40 blocks of Wan 14B."""
PICTURE = (1, 257, 1280)
"""What CLIP ViT-H gives of a picture, as published."""


def plain() -> SimpleNamespace:
    """The model and two conditionings, both with the picture, as WanImageToVideo makes them."""
    from comfy.clip_vision import Output
    from miniature import wan

    seen = Output()
    seen.penultimate_hidden_states = torch.randn(PICTURE, generator=torch.Generator().manual_seed(1))
    clip = wan.clip(1)
    texts = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red cat", ""))
    positive, negative = ([[t, extra | {"clip_vision_output": seen}] for t, extra in text] for text in texts)
    return SimpleNamespace(model=wan.model(KIND, 1), positive=positive, negative=negative)


def scaled(model: Any, branch: Branch, wires: Mapping[str, Any], changes: Mapping[str, Any]) -> Any:
    """The model behind the node with a branch's inputs and wires, and other settings over them."""
    from pack.nodes.forms.scale_image_branch import ScaleImageBranch

    return ScaleImageBranch.execute(model, **{**branch.inputs, **changes}, **wires).args[0]
