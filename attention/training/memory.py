"""A device -> how much memory a training takes on it."""

from __future__ import annotations

import psutil
import torch


def memory_used(device: torch.device) -> int:
    """Bytes: on a CUDA device the most that tensors have taken so far, elsewhere what the process takes now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return psutil.Process().memory_info().rss
