"""Which image encoder a node uses: the one connected to it, or the one that came with the adapter."""

from __future__ import annotations

from typing import Any

from ..wires import LoadedAdapter
from . import installed


def encoder_for(loaded: LoadedAdapter, connected: Any | None) -> Any:
    """The image encoder to use. Raises ValueError naming the file to get when there is none."""
    encoder = connected if connected is not None else loaded.clip_vision
    if encoder is None:
        wanted = installed.encoder_need(loaded.adapter)
        if wanted is None:
            raise ValueError(
                f"'{loaded.adapter.name}' ({loaded.adapter.label}) reads faces, not pictures: connect 'faces' to "
                "Apply IP-Adapter."
            )
        raise ValueError(
            f"'{loaded.adapter.name}' ({loaded.adapter.label}) needs an image encoder, but none is connected and none in "
            f"models/clip_vision fits. {_damaged()}It needs {wanted.described()}. Put it there, or connect one to "
            "'clip_vision'."
        )
    return encoder


def _damaged() -> str:
    found = installed.damaged_encoders()
    return f"{found} " if found else ""
