"""Pictures and a text under a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.v0_0_2 import io, ui
from torch import Tensor

from ...face.picture import to_image
from ...face.preview import same_size
from ...face.value import Pixels
from .notice import noted

MOST = 16
"""How many pictures of a batch are shown: every one is a file that the page loads."""


def shown(
    cls: type[io.ComfyNode], text: str, pictures: Tensor | Sequence[Pixels], *outputs: Any, of: int = 0
) -> io.NodeOutput:
    """The outputs of a node with a text and pictures: an IMAGE, or (H, W, 3) uint8 of any sizes.

    `of` is how many pictures there are where only the first were made.
    """
    few = pictures[:MOST]
    count = max(of, len(pictures))
    if count > MOST:
        text = f"{text}\n(the first {MOST} of {count} are shown)".lstrip("\n")
    output = noted(cls, text, *outputs)
    if len(few):
        image = few if isinstance(few, Tensor) else to_image(same_size(list(few)))
        output.ui = {**ui.PreviewImage(image).as_dict(), **(ui.PreviewText(text).as_dict() if text else {})}
    return output
