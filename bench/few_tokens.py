"""What attention to few tokens costs on a processor: the same answer by different ways, in processor time, interleaved, shortest of many.

python bench/few_tokens.py      # half a minute; prints the table of bench/README.md
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

LAYERS = ((8, 40, 4096), (8, 80, 1024), (8, 160, 256), (10, 64, 4096), (20, 64, 1024))
"""Heads, channels of a head and queries: SD1.5's at 512 pixels, SDXL's at 1024."""
TOKENS = (4, 8, 16, 20)
BLOCK = 16


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def sdpa(q: Tensor, k: Tensor, v: Tensor, heads: int, bias: Tensor | None = None) -> Tensor:
    """PyTorch's own attention, which is what the host's is on a processor."""
    q, k, v = (_heads(x, heads) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).flatten(2)


def repeated(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """The same with equal copies of the tokens up to 16: the same average."""
    copies = max(1, BLOCK // k.shape[1]) if BLOCK % k.shape[1] == 0 else 1
    return sdpa(q, k.repeat(1, copies, 1), v.repeat(1, copies, 1), heads)


def filled(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """The same with nothing up to a multiple of 16, shut out by a bias."""
    tokens = k.shape[1]
    missing = -tokens % BLOCK
    bias = torch.zeros(1, 1, 1, tokens + missing)
    bias[..., tokens:] = -torch.inf
    return sdpa(q, F.pad(k, (0, 0, 0, missing)), F.pad(v, (0, 0, 0, missing)), heads, bias)


def products(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Product, softmax, product."""
    q, k, v = (_heads(x, heads) for x in (q, k, v))
    share = torch.softmax((q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5, -1)
    return (share @ v).transpose(1, 2).flatten(2)


WAYS = (sdpa, repeated, filled, products)
NAMES = ("PyTorch's attention", "repeated to 16", "filled to 16 and shut out", "product, softmax, product")


@dataclass(frozen=True)
class Size:
    """A layer's heads, channels of a head and queries, and the tokens that it attends to."""

    heads: int
    channels: int
    queries: int
    tokens: int

    def __str__(self) -> str:
        return f"{self.heads} x {self.channels}, {self.queries} queries, {self.tokens} tokens"


def shortest(size: Size, repeats: int) -> list[float]:
    """The shortest time of each way, in milliseconds."""
    q, k, v = (torch.randn(2, n, size.heads * size.channels) for n in (size.queries, size.tokens, size.tokens))
    spent: list[list[float]] = [[] for _ in WAYS]
    for _ in range(repeats):
        for way, times in zip(WAYS, spent, strict=True):
            started = time.process_time()
            way(q, k, v, size.heads)
            times.append(1000 * (time.process_time() - started))
    return [min(times) for times in spent]


def main(repeats: int = 9) -> None:
    torch.set_num_threads(1)
    print(f"| batch of 2, milliseconds | {' | '.join(NAMES)} |")
    print("| --- |" + " --- |" * len(WAYS))
    with torch.inference_mode():
        for layer in LAYERS:
            for tokens in TOKENS:
                size = Size(*layer, tokens)
                print(f"| {size} | {' | '.join(f'{ms:.2f}' for ms in shortest(size, repeats))} |", flush=True)


if __name__ == "__main__":
    main()
