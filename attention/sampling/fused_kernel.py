# pyright: basic, reportArgumentType=false
# ruff: noqa: ANN001, PLR0913
# A kernel is compiled, not run: Python's types say nothing about what its parameters are.
"""The Triton kernel of the fused branch: text and all image segments in one pass over the queries.

Import it only where Triton is installed. Forward only. Not measured on a GPU; under Triton's interpreter it is
compared with plain attention in float64.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton import knobs
from triton.errors import TritonError

BLOCK_QUERIES = 64
BLOCK_TOKENS = 32


@triton.jit
def _attend(
    q,
    key,
    value,
    first,
    last,
    token_stride,
    scale,
    width: tl.constexpr,
    UPCAST: tl.constexpr,
    QUERIES: tl.constexpr,
    TOKENS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """One softmax over the tokens first..last: attention (QUERIES, WIDTH) in float32."""
    channel = tl.arange(0, WIDTH)
    highest = tl.full((QUERIES,), -float("inf"), tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    summed = tl.zeros((QUERIES, WIDTH), tl.float32)
    for start in range(first, last, TOKENS):
        token = start + tl.arange(0, TOKENS)
        inside = token < last
        spot = token[:, None] * token_stride + channel[None, :]
        there = inside[:, None] & (channel < width)[None, :]
        k = tl.load(key + spot, mask=there, other=0.0)
        v = tl.load(value + spot, mask=there, other=0.0)
        if UPCAST:
            k = k.to(tl.float32)
            v = v.to(tl.float32)
        logits = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        logits = tl.where(inside[None, :], logits, -float("inf"))
        higher = tl.maximum(highest, tl.max(logits, 1))
        weights = tl.exp(logits - higher[:, None])
        faded = tl.exp(highest - higher)
        total = total * faded + tl.sum(weights, 1)
        summed = summed * faded[:, None] + tl.dot(weights.to(v.dtype), v, input_precision="ieee")
        highest = higher
    return summed / total[:, None]


@triton.jit
def _fused(
    q,
    text_key,
    text_value,
    key,
    value,
    masks,
    out,
    queries,
    heads,
    text_tokens,
    tokens,
    rows_per_group,
    logit_scale,
    bounds,
    scales,
    factors,
    masked: tl.constexpr,
    width: tl.constexpr,
    UPCAST: tl.constexpr,
    QUERIES: tl.constexpr,
    TOKENS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """A tile of queries of one row and head: read once, attended to everything, written once."""
    row = (tl.program_id(1) // heads).to(tl.int64)
    head = tl.program_id(1) % heads
    stride = heads * width
    query = tl.program_id(0) * QUERIES + tl.arange(0, QUERIES)
    channel = tl.arange(0, WIDTH)
    spot = row * queries * stride + query[:, None] * stride + head * width + channel[None, :]
    there = (query < queries)[:, None] & (channel < width)[None, :]
    tile = tl.load(q + spot, mask=there, other=0.0)
    if UPCAST:
        tile = tile.to(tl.float32)
    text = row * text_tokens * stride + head * width
    total = _attend(
        tile, text_key + text, text_value + text, 0, text_tokens, stride, logit_scale,
        width, UPCAST, QUERIES, TOKENS, WIDTH,
    )  # fmt: skip
    image = (row // rows_per_group) * tokens * stride + head * width
    for s in tl.static_range(len(scales)):
        seen = _attend(
            tile, key + image, value + image, bounds[s], bounds[s + 1], stride, logit_scale * scales[s],
            width, UPCAST, QUERIES, TOKENS, WIDTH,
        )  # fmt: skip
        if masked[s] >= 0:
            mask = masks + (masked[s] * (tl.num_programs(1) // heads) + row) * queries + query
            seen = seen * tl.load(mask, mask=query < queries, other=0.0).to(tl.float32)[:, None]
        total += seen * factors[s]
    tl.store(out + spot, total.to(out.dtype.element_ty), mask=there)


def launch(
    q: Tensor,
    text: tuple[Tensor, Tensor],
    image: tuple[Tensor, Tensor],
    masks: Tensor,
    out: Tensor,
    heads: int,
    bounds: tuple[int, ...],
    scales: tuple[float, ...],
    factors: tuple[float, ...],
    masked: tuple[int, ...],
) -> None:
    """Write text attention plus the sum of factor * mask * attention of every segment to `out`.

    All contiguous: q and out (rows, N, H * d), text (rows, L, H * d), image (G, T, H * d) with segment s in the tokens
    bounds[s]..bounds[s + 1], masks (M, rows, N). `masked` names the mask of each segment, -1 for none.
    """
    rows, queries, channels = q.shape
    width = channels // heads
    grid = (triton.cdiv(queries, BLOCK_QUERIES), rows * heads)
    _fused[grid](
        q,
        *text,
        *image,
        masks,
        out,
        queries,
        heads,
        text[0].shape[1],
        image[0].shape[1],
        rows // len(image[0]),
        width**-0.5,
        bounds,
        scales,
        factors,
        masked=masked,
        width=width,
        # The interpreter's product of bfloat16 is wrong; on a GPU it is native.
        UPCAST=interpreted() and q.dtype == torch.bfloat16,
        QUERIES=BLOCK_QUERIES,
        TOKENS=BLOCK_TOKENS,
        WIDTH=max(16, triton.next_power_of_2(width)),
    )


def interpreted() -> bool:
    """Whether Triton runs on the CPU, one operation at a time, for tests."""
    return bool(knobs.runtime.interpret)


__all__ = ["TritonError", "interpreted", "launch"]
