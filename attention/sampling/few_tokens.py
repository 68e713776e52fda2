"""How many copies of few tokens a processor attends to fastest."""

from __future__ import annotations

import torch

BLOCK = 16
"""PyTorch's attention on a processor works through tokens in vectors of this many (AVX-512: 16 numbers of 32 bits)."""


def fastest_count(tokens: int, device: torch.device) -> int:
    """A multiple of `tokens` to repeat them to: attention to equal copies of tokens is the same average.

    On a processor 4 or 8 tokens take longer than 16 (`bench/few_tokens.py`; figures in `bench/README.md`).
    """
    return BLOCK if device.type == "cpu" and BLOCK % tokens == 0 else tokens
