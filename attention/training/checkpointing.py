"""Networks -> the same networks while they forget their activations and compute them again going backwards."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from comfy.ldm.modules.attention import SpatialTransformer
from comfy.ldm.modules.diffusionmodules.openaimodel import ResBlock
from torch import nn
from torch.utils.checkpoint import checkpoint

from .room import Room


@contextmanager
def checkpointed(networks: Iterable[nn.Module], room: Room) -> Generator[None]:
    """Within it only the inputs of blocks are kept where there is no room: about a third slower, and far less memory."""
    blocks = [
        block
        for net in networks
        for block in net.modules()
        if room.may_forget and isinstance(block, ResBlock | SpatialTransformer)
    ]
    try:
        for block in blocks:
            _recompute(block, room)
        yield
    finally:
        for block in blocks:
            del block.forward  # the class's own is behind it


def _recompute(block: nn.Module, room: Room) -> None:
    """Not by the host's own patch: it passes on the call's options, whose block has changed by the second computation."""
    forward = block.forward

    def recomputed(*args: Any, **kwargs: Any) -> Any:
        if not room.forgets:
            return forward(*args, **kwargs)
        kept = tuple(_copied(each) for each in args), {name: _copied(each) for name, each in kwargs.items()}
        return checkpoint(_Twice(forward, room), *kept, use_reentrant=False, preserve_rng_state=False)

    block.forward = recomputed


class _Twice:
    """A block that runs going forwards, and again going backwards, which is when it keeps what it would have kept."""

    def __init__(self, forward: Any, room: Room) -> None:
        self._forward = forward
        self._room = room
        self._again = False

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self._again:
            self._again = True
            return self._forward(*args, **kwargs)
        with self._room.measured():
            return self._forward(*args, **kwargs)


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value
