"""A short text under a node that says what it found or decided."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from comfy_api.v0_0_2 import io, ui
from server import PromptServer


def noted(cls: type[io.ComfyNode], text: str, *outputs: Any) -> io.NodeOutput:
    """The outputs of a node together with a text, if any, that the page shows on it and the history keeps."""
    if not text:
        return io.NodeOutput(*outputs)
    server = getattr(PromptServer, "instance", None)
    if server is not None:
        server.send_progress_text(text, cls.hidden.unique_id)
    return io.NodeOutput(*outputs, ui=ui.PreviewText(text))


def teller(cls: type[io.ComfyNode]) -> Callable[[str], None]:
    """Says a sentence on this node later, while the model is sampled, and in the log."""
    node_id = cls.hidden.unique_id if cls.hidden else None

    def tell(text: str) -> None:
        logging.warning("likeness: %s", text)
        server = getattr(PromptServer, "instance", None)
        if server is not None and node_id is not None:
            server.send_progress_text(text, node_id)

    return tell


def for_page(output: io.NodeOutput, **values: Any) -> io.NodeOutput:
    """The output, with plain values that the pack's editors on the page read under `likeness_<name>`."""
    return for_page_each(output, **{name: [value] for name, value in values.items()})


def for_page_each(output: io.NodeOutput, **values: list[Any]) -> io.NodeOutput:
    """The same with several values under each name, as a node that runs once for each of a list gives them."""
    sent = output.ui if isinstance(output.ui, dict) else output.ui.as_dict() if output.ui else {}
    output.ui = {**sent, **{f"likeness_{name}": value for name, value in values.items()}}
    return output
