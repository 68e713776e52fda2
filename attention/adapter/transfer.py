"""How tensors get from the processor's memory to a device so that nobody waits for them."""

from __future__ import annotations

import weakref

import comfy.model_management
import torch
from torch import Tensor


def sent(tensor: Tensor, device: torch.device | None) -> Tensor:
    """A tensor on a device, itself where it is there already or none is named.

    Work on the device that follows finds it there; the processor does not wait, as far as the host trusts that device.
    """
    if device is None or tensor.device == device:
        return tensor
    return tensor.to(device, non_blocking=comfy.model_management.device_supports_non_blocking(device))


def like(tensor: Tensor, q: Tensor) -> Tensor:
    """A tensor on the device of `q` and of its kind.

    It is converted there: to convert it on the way, PyTorch makes a copy first from which it can only copy waiting.
    """
    return sent(tensor, q.device).to(q.dtype)


def pin(tensor: Tensor, owner: object) -> None:
    """Let devices read a tensor's memory by themselves for as long as `owner` lives.

    By the host, within its budget for such memory and where it pins at all (`--disable-pinned-memory`).
    """
    if comfy.model_management.pin_memory(tensor):
        weakref.finalize(owner, _unpin, tensor).atexit = False


def _unpin(tensor: Tensor) -> None:
    # A copy may still be reading it when a run was interrupted.
    comfy.model_management.synchronize()
    comfy.model_management.unpin_memory(tensor)
