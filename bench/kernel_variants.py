# pyright: basic, reportArgumentType=false, reportGeneralTypeIssues=false, reportUnboundVariable=false
# ruff: noqa: ANN001, ANN201, PLR0913, PLR0915
# Kernels are compiled, not run: Python's types say nothing about what their parameters are.
"""Ways to write the part of the fused kernel that many tokens take, by name; `bench/kernel.py` compares and times them.

None is used by the pack. A CLIP encoder gives 257 tokens: 256 patches and one for the whole picture, so that the pack's
kernel passes over four pieces of 64 and a fifth of 16 in which 15 are none. Each way here has the same arithmetic but in
what its name says, and is right under Triton's interpreter:

- `lone token`: the one that is left over has no piece of its own. Its logit is a sum of products and begins the running
  maximum, its value begins the sum; what was begun with before was minus infinity and zero.
- `lone token, rare rescaling`: besides, sums are only made smaller when a logit is above what they are scaled for by more
  than 2 ** 8 (as in FlashAttention 4): shares are at most 256 then, which half types hold.
- `maximum first`: all products are computed twice, first for their maximum alone; nothing is made smaller.

Imported by `bench/kernel.py`, which makes the pack's kernel importable.
"""

from __future__ import annotations

import triton
import triton.language as tl
from sampling.fused_kernel import (
    _added,
    _at_once,
    _one_after_another,
    _one_more,
    _piece,
    _pieces,
    _products,
    _read,
    _shares,
    _weight,
    _write,
)
from sampling.fused_launch import Launch

LONE, RARELY, MAXIMUM_FIRST = (tl.constexpr(n) for n in (1, 2, 3))
WAYS = {"lone token": 1, "lone token, rare rescaling": 2, "maximum first": 3}
FEW_BITS = tl.constexpr(8.0)


@triton.jit
def _of_one_token(q, key, width: tl.constexpr, FROM: tl.constexpr, WIDTH: tl.constexpr):
    """Products of queries and the keys of one token: (QUERIES,)."""
    channel = FROM + tl.arange(0, WIDTH)
    one = tl.load(key + channel, mask=channel < width, other=0.0).to(tl.float32)
    return tl.sum(q.to(tl.float32) * one[None, :], 1)


@triton.jit
def _value_of_one_token(like, value, width: tl.constexpr, FROM: tl.constexpr, WIDTH: tl.constexpr):
    channel = FROM + tl.arange(0, WIDTH)
    return like + tl.load(value + channel, mask=channel < width, other=0.0).to(tl.float32)[None, :]


@triton.jit
def _one_more_rarely(
    highest, total, own1, own2, q1, q2, piece, scale, MAIN: tl.constexpr, NARROW: tl.constexpr, NEGATED: tl.constexpr,
):  # fmt: skip
    """As `_one_more`, of a full piece: sums are left as they are while no logit is far above what they are scaled for."""
    products = _products(q1, q2, piece, 0, MAIN, MAIN, NARROW, NEGATED)
    higher = tl.maximum(highest, tl.max(products, 1))
    if tl.max((higher - highest) * scale, 0) > FEW_BITS:
        faded = tl.exp2((highest - higher) * scale)
        total = total * faded
        own1 = own1 * faded[:, None]
        own2 = own2 * faded[:, None] if NARROW > 0 else own2
        highest = higher
    shares = _shares(products, highest, scale)
    total += tl.sum(shares, 1)
    own1, own2 = _added(own1, own2, shares, piece, NARROW)
    return highest, total, own1, own2


@triton.jit
def _with_lone_token(
    q1, q2, key, value, stride, scale, width: tl.constexpr, FULL: tl.constexpr, MAIN: tl.constexpr,
    WIDE: tl.constexpr, NARROW: tl.constexpr, NEGATED: tl.constexpr, UPCAST: tl.constexpr, HOW: tl.constexpr,
):  # fmt: skip
    """Attention to FULL pieces and the one token after them, which comes first."""
    QUERIES: tl.constexpr = q1.shape[0]
    last = FULL * MAIN * stride
    highest = _of_one_token(q1, key + last, width, 0, WIDE)
    own1 = _value_of_one_token(tl.zeros((QUERIES, WIDE), tl.float32), value + last, width, 0, WIDE)
    own2 = tl.zeros((QUERIES, NARROW if NARROW > 0 else 16), tl.float32)
    if NARROW > 0:
        highest += _of_one_token(q2, key + last, width, WIDE, NARROW)
        own2 = _value_of_one_token(own2, value + last, width, WIDE, NARROW)
    if NEGATED:
        highest = -highest
    total = tl.full((QUERIES,), 1.0, tl.float32)
    for n in tl.range(0, FULL):
        at = n * MAIN * stride
        piece = _piece(key + at, value + at, 0, MAIN, stride, width, MAIN, WIDE, NARROW, UPCAST)
        if HOW == RARELY:
            highest, total, own1, own2 = _one_more_rarely(
                highest, total, own1, own2, q1, q2, piece, scale, MAIN, NARROW, NEGATED
            )  # fmt: skip
        else:
            highest, total, own1, own2 = _one_more(
                highest, total, own1, own2, q1, q2, piece, scale, 0, MAIN, MAIN, NARROW, NEGATED
            )  # fmt: skip
    return own1, own2, total


@triton.jit
def _maximum_first(
    q1, q2, key, value, stride, scale, tokens: tl.constexpr, width: tl.constexpr, FULL: tl.constexpr,
    MAIN: tl.constexpr, REST: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr, NEGATED: tl.constexpr,
    UPCAST: tl.constexpr,
):  # fmt: skip
    """Attention to FULL pieces and a rest, in two passes over them: the highest product, then shares and values."""
    QUERIES: tl.constexpr = q1.shape[0]
    highest = tl.full((QUERIES,), -float("inf"), tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    own1 = tl.zeros((QUERIES, WIDE), tl.float32)
    own2 = tl.zeros((QUERIES, NARROW if NARROW > 0 else 16), tl.float32)
    for n in tl.range(0, FULL):
        at = n * MAIN * stride
        piece = _piece(key + at, key + at, 0, MAIN, stride, width, MAIN, WIDE, NARROW, UPCAST)
        highest = tl.maximum(highest, tl.max(_products(q1, q2, piece, 0, MAIN, MAIN, NARROW, NEGATED), 1))
    if REST > 0:
        last = _piece(key, value, FULL * MAIN, tokens, stride, width, REST, WIDE, NARROW, UPCAST)
        products = _products(q1, q2, last, FULL * MAIN, tokens, REST, NARROW, NEGATED)
        highest = tl.maximum(highest, tl.max(products, 1))
        few = _shares(products, highest, scale)
        total += tl.sum(few, 1)
        own1, own2 = _added(own1, own2, few, last, NARROW)
    for n in tl.range(0, FULL):
        at = n * MAIN * stride
        piece = _piece(key + at, value + at, 0, MAIN, stride, width, MAIN, WIDE, NARROW, UPCAST)
        shares = _shares(_products(q1, q2, piece, 0, MAIN, MAIN, NARROW, NEGATED), highest, scale)
        total += tl.sum(shares, 1)
        own1, own2 = _added(own1, own2, shares, piece, NARROW)
    return own1, own2, total


@triton.jit
def varied(
    q, out, keys, values, masks, mask_strides, shared_by, scales, factors, queries, heads,
    COUNTS: tl.constexpr, FULLS: tl.constexpr, MAINS: tl.constexpr, RESTS: tl.constexpr, MASKED: tl.constexpr,
    NEGATED: tl.constexpr, width: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr, QUERIES: tl.constexpr,
    TILES: tl.constexpr, STAGES: tl.constexpr, UPCAST: tl.constexpr, HOW: tl.constexpr,
):  # fmt: skip
    """One tile of queries of one row and head, as the pack's kernel with one tile to a program does it, but for HOW."""
    row = (tl.program_id(1) // heads).to(tl.int64)
    head = tl.program_id(1) % heads
    stride = heads * width
    at = row * queries * stride + head * width
    query = tl.program_id(0) * QUERIES + tl.arange(0, QUERIES)
    inside = query < queries
    q1 = _read(q + at, query, inside, stride, width, 0, WIDE, UPCAST)
    q2 = q1
    if NARROW > 0:
        q2 = _read(q + at, query, inside, stride, width, WIDE, NARROW, UPCAST)
    sum1 = tl.zeros((QUERIES, WIDE), tl.float32)
    sum2 = tl.zeros((QUERIES, NARROW if NARROW > 0 else 16), tl.float32)
    for s in tl.static_range(len(COUNTS)):
        spot = (row // shared_by[s]) * COUNTS[s] * stride + head * width
        key = keys[s] + spot
        value = values[s] + spot
        if FULLS[s] > 1:
            if HOW == MAXIMUM_FIRST:
                own1, own2, total = _maximum_first(
                    q1, q2, key, value, stride, scales[s], COUNTS[s], width,
                    FULLS[s], MAINS[s], RESTS[s], WIDE, NARROW, NEGATED[s], UPCAST,
                )  # fmt: skip
            elif COUNTS[s] == FULLS[s] * MAINS[s] + 1:
                own1, own2, total = _with_lone_token(
                    q1, q2, key, value, stride, scales[s], width, FULLS[s], MAINS[s], WIDE, NARROW, NEGATED[s], UPCAST, HOW
                )  # fmt: skip
            else:
                own1, own2, total = _one_after_another(
                    q1, q2, key, value, stride, scales[s], COUNTS[s], width,
                    FULLS[s], MAINS[s], RESTS[s], WIDE, NARROW, NEGATED[s], UPCAST,
                )  # fmt: skip
        else:
            main, rest = _pieces(
                key, value, COUNTS[s], stride, width, MAINS[s], RESTS[s], WIDE, NARROW, UPCAST
            )  # fmt: skip
            own1, own2, total = _at_once(
                q1, q2, main, rest, scales[s], COUNTS[s], MAINS[s], RESTS[s], WIDE, NARROW, NEGATED[s]
            )  # fmt: skip
        each = _weight(factors[s], masks[s] + row * mask_strides[s], query, inside, MASKED[s]) / total
        sum1 += own1 * each[:, None]
        if NARROW > 0:
            sum2 += own2 * each[:, None]
    _write(out + at, query, inside, sum1, stride, width, 0, WIDE)
    if NARROW > 0:
        _write(out + at, query, inside, sum2, stride, width, WIDE, NARROW)


class Variant(Launch):
    """A launch of `varied` in one of WAYS, for a Config of one tile to a program."""

    def __init__(self, way: str, *given) -> None:
        super().__init__(*given)
        self._how = WAYS[way]
        self._found = None

    def compile(self, q, k, v, out):
        return varied.warmup(*self._all(q, k, v, out), self._how, grid=self._grid, **self._options)

    def __call__(self, q, k, v, out):
        given = (*self._all(q, k, v, out), self._how)
        if self._found is not None:
            self._found[self._grid](*given)
            return self._found
        found = varied[self._grid](*given, **self._options)
        self._found = found if hasattr(found, "function") else None
        return found
