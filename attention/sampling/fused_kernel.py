# pyright: basic, reportArgumentType=false, reportGeneralTypeIssues=false, reportUnboundVariable=false
# ruff: noqa: ANN001, ANN201, C901, PLR0913
# A kernel is compiled, not run: Python's types say nothing about what its parameters are.
"""The Triton kernel of the fused branch: text and all image segments in one pass over the queries.

Import it only where Triton is installed. Forward only. `fused_launch` puts its arguments together.

The text is the first segment, the references follow. Where a segment's tokens fit two tiles, all its logits are there at
once and its softmax needs no running maximum; its keys and values are fetched once for several tiles of queries. A head
whose width is no power of two is a wide and a narrow tile. Exponents are of 2.
"""

from __future__ import annotations

import triton
import triton.language as tl
from triton import knobs


@triton.jit
def _fetched(
    base, first: tl.constexpr, tokens: tl.constexpr, stride, width: tl.constexpr,
    FROM: tl.constexpr, TOKENS: tl.constexpr, WIDTH: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """Tokens first..first + TOKENS, channels FROM..FROM + WIDTH of a head; 0 outside."""
    token = first + tl.arange(0, TOKENS)
    channel = FROM + tl.arange(0, WIDTH)
    spot = base + token[:, None] * stride + channel[None, :]
    if first + TOKENS <= tokens and width >= FROM + WIDTH:
        tile = tl.load(spot)
    else:
        tile = tl.load(spot, mask=(token < tokens)[:, None] & (channel < width)[None, :], other=0.0)
    if UPCAST:
        tile = tile.to(tl.float32)
    return tile


@triton.jit
def _piece(
    key, value, first: tl.constexpr, tokens: tl.constexpr, stride, width: tl.constexpr,
    TOKENS: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """Keys and values of TOKENS tokens from `first` on: wide keys, narrow keys, wide values, narrow values."""
    k1 = _fetched(key, first, tokens, stride, width, 0, TOKENS, WIDE, UPCAST)
    v1 = _fetched(value, first, tokens, stride, width, 0, TOKENS, WIDE, UPCAST)
    k2 = k1
    v2 = v1
    if NARROW > 0:
        k2 = _fetched(key, first, tokens, stride, width, WIDE, TOKENS, NARROW, UPCAST)
        v2 = _fetched(value, first, tokens, stride, width, WIDE, TOKENS, NARROW, UPCAST)
    return k1, k2, v1, v2


@triton.jit
def _products(
    q1, q2, piece, first: tl.constexpr, tokens: tl.constexpr, TOKENS: tl.constexpr, NARROW: tl.constexpr,
    NEGATED: tl.constexpr,
):  # fmt: skip
    """Products of queries and keys, negated where their scale is negative; minus infinity for what is no token."""
    made = tl.dot(q1, tl.trans(piece[0]), input_precision="ieee")
    if NARROW > 0:
        made = tl.dot(q2, tl.trans(piece[1]), made, input_precision="ieee")
    if NEGATED:
        made = -made
    if first + TOKENS > tokens:
        made = tl.where((first + tl.arange(0, TOKENS) < tokens)[None, :], made, -float("inf"))
    return made


@triton.jit
def _shares(products, highest, scale):
    """What each token gets, 1 for a query's highest: one multiplication with addition and one exponent each."""
    return tl.exp2(products * scale - (highest * scale)[:, None])


@triton.jit
def _added(sum1, sum2, shares, piece, NARROW: tl.constexpr):
    """The sums, and each query's shares of the values."""
    shares = shares.to(piece[2].dtype)
    sum1 = tl.dot(shares, piece[2], sum1, input_precision="ieee")
    if NARROW > 0:
        sum2 = tl.dot(shares, piece[3], sum2, input_precision="ieee")
    return sum1, sum2


@triton.jit
def _at_once(
    q1, q2, main_piece, rest_piece, scale, tokens: tl.constexpr, MAIN: tl.constexpr, REST: tl.constexpr,
    WIDE: tl.constexpr, NARROW: tl.constexpr, NEGATED: tl.constexpr,
):  # fmt: skip
    """Attention to a segment that is a main piece and perhaps a rest: its sums, and what they are to be divided by."""
    QUERIES: tl.constexpr = q1.shape[0]
    own1 = tl.zeros((QUERIES, WIDE), tl.float32)
    own2 = tl.zeros((QUERIES, NARROW if NARROW > 0 else 16), tl.float32)
    main = _products(q1, q2, main_piece, 0, tokens, MAIN, NARROW, NEGATED)
    highest = tl.max(main, 1)
    if REST > 0:
        rest = _products(q1, q2, rest_piece, MAIN, tokens, REST, NARROW, NEGATED)
        highest = tl.maximum(highest, tl.max(rest, 1))
    main = _shares(main, highest, scale)
    total = tl.sum(main, 1)
    own1, own2 = _added(own1, own2, main, main_piece, NARROW)
    if REST > 0:
        rest = _shares(rest, highest, scale)
        total += tl.sum(rest, 1)
        own1, own2 = _added(own1, own2, rest, rest_piece, NARROW)
    return own1, own2, total


@triton.jit
def _one_more(
    highest, total, own1, own2, q1, q2, piece, scale, first: tl.constexpr, tokens: tl.constexpr,
    TOKENS: tl.constexpr, NARROW: tl.constexpr, NEGATED: tl.constexpr,
):  # fmt: skip
    """A softmax with a running maximum, one piece further."""
    products = _products(q1, q2, piece, first, tokens, TOKENS, NARROW, NEGATED)
    higher = tl.maximum(highest, tl.max(products, 1))
    faded = tl.exp2((highest - higher) * scale)
    shares = _shares(products, higher, scale)
    total = total * faded + tl.sum(shares, 1)
    own1 = own1 * faded[:, None]
    if NARROW > 0:
        own2 = own2 * faded[:, None]
    own1, own2 = _added(own1, own2, shares, piece, NARROW)
    return higher, total, own1, own2


@triton.jit
def _one_after_another(
    q1, q2, key, value, stride, scale, tokens: tl.constexpr, width: tl.constexpr,
    FULL: tl.constexpr, MAIN: tl.constexpr, REST: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr,
    NEGATED: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """As `_at_once`, for FULL main pieces and a rest, which are fetched as they come."""
    QUERIES: tl.constexpr = q1.shape[0]
    highest = tl.full((QUERIES,), -float("inf"), tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    own1 = tl.zeros((QUERIES, WIDE), tl.float32)
    own2 = tl.zeros((QUERIES, NARROW if NARROW > 0 else 16), tl.float32)
    for n in tl.range(0, FULL):
        at = n * MAIN * stride
        piece = _piece(key + at, value + at, 0, MAIN, stride, width, MAIN, WIDE, NARROW, UPCAST)
        highest, total, own1, own2 = _one_more(
            highest, total, own1, own2, q1, q2, piece, scale, 0, MAIN, MAIN, NARROW, NEGATED
        )  # fmt: skip
    if REST > 0:
        piece = _piece(key, value, FULL * MAIN, tokens, stride, width, REST, WIDE, NARROW, UPCAST)
        highest, total, own1, own2 = _one_more(
            highest, total, own1, own2, q1, q2, piece, scale, FULL * MAIN, tokens, REST, NARROW, NEGATED
        )  # fmt: skip
    return own1, own2, total


@triton.jit
def _channels(base, query, inside, stride, width: tl.constexpr, FROM: tl.constexpr, WIDTH: tl.constexpr):
    """Where the channels FROM..FROM + WIDTH of a tile of queries lie, and which of them there are."""
    channel = FROM + tl.arange(0, WIDTH)
    return base + query[:, None] * stride + channel[None, :], inside[:, None] & (channel < width)[None, :]


@triton.jit
def _read(q, query, inside, stride, width: tl.constexpr, FROM: tl.constexpr, WIDTH: tl.constexpr, UPCAST: tl.constexpr):
    spot, there = _channels(q, query, inside, stride, width, FROM, WIDTH)
    tile = tl.load(spot, mask=there, other=0.0)
    if UPCAST:
        tile = tile.to(tl.float32)
    return tile


@triton.jit
def _write(out, query, inside, made, stride, width: tl.constexpr, FROM: tl.constexpr, WIDTH: tl.constexpr):
    spot, there = _channels(out, query, inside, stride, width, FROM, WIDTH)
    tl.store(spot, made.to(out.dtype.element_ty), mask=there)


@triton.jit
def _weight(factor, mask, query, inside, MASKED: tl.constexpr):
    """What a segment's attention is multiplied by, for each query."""
    weight = tl.zeros((query.shape[0],), tl.float32) + factor
    if MASKED:
        weight *= tl.load(mask + query, mask=inside, other=0.0).to(tl.float32)
    return weight


@triton.jit
def _pieces(
    key, value, tokens: tl.constexpr, stride, width: tl.constexpr, MAIN: tl.constexpr, REST: tl.constexpr,
    WIDE: tl.constexpr, NARROW: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """The main piece and the rest of few tokens; where there is no rest it is the main piece."""
    main = _piece(key, value, 0, tokens, stride, width, MAIN, WIDE, NARROW, UPCAST)
    rest = main
    if REST > 0:
        rest = _piece(key, value, MAIN, tokens, stride, width, REST, WIDE, NARROW, UPCAST)
    return main, rest


@triton.jit
def _answer(
    q, out, held, keys, values, spots, masks, scales, factors, tile, queries, stride,
    COUNTS: tl.constexpr, FULLS: tl.constexpr, MAINS: tl.constexpr, RESTS: tl.constexpr, MASKED: tl.constexpr,
    NEGATED: tl.constexpr, width: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr, QUERIES: tl.constexpr,
    HELD: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """One tile of queries: read once, attended to everything, written once.

    Segments of many tokens come first: while they take their time, nothing of the others is kept beside theirs.
    """
    query = tile * QUERIES + tl.arange(0, QUERIES)
    inside = query < queries
    q1 = _read(q, query, inside, stride, width, 0, WIDE, UPCAST)
    q2 = q1
    if NARROW > 0:
        q2 = _read(q, query, inside, stride, width, WIDE, NARROW, UPCAST)
    sum1 = tl.zeros((QUERIES, WIDE), tl.float32)
    sum2 = tl.zeros((QUERIES, NARROW if NARROW > 0 else 16), tl.float32)
    for s in tl.static_range(len(COUNTS)):
        if FULLS[s] > 1:
            own1, own2, total = _one_after_another(
                q1, q2, keys[s] + spots[s], values[s] + spots[s], stride, scales[s], COUNTS[s], width,
                FULLS[s], MAINS[s], RESTS[s], WIDE, NARROW, NEGATED[s], UPCAST,
            )  # fmt: skip
            each = _weight(factors[s], masks[s], query, inside, MASKED[s]) / total
            sum1 += own1 * each[:, None]
            if NARROW > 0:
                sum2 += own2 * each[:, None]
    for s in tl.static_range(len(COUNTS)):
        if FULLS[s] < 2:
            if HELD:
                pieces = held[s]
            else:
                pieces = _pieces(
                    keys[s] + spots[s], values[s] + spots[s], COUNTS[s], stride, width,
                    MAINS[s], RESTS[s], WIDE, NARROW, UPCAST,
                )  # fmt: skip
            own1, own2, total = _at_once(
                q1, q2, pieces[0], pieces[1], scales[s], COUNTS[s], MAINS[s], RESTS[s],
                WIDE, NARROW, NEGATED[s],
            )  # fmt: skip
            each = _weight(factors[s], masks[s], query, inside, MASKED[s]) / total
            sum1 += own1 * each[:, None]
            if NARROW > 0:
                sum2 += own2 * each[:, None]
    _write(out, query, inside, sum1, stride, width, 0, WIDE)
    if NARROW > 0:
        _write(out, query, inside, sum2, stride, width, WIDE, NARROW)


@triton.jit
def fused(
    q, out, keys, values, masks, mask_strides, shared_by, scales, factors, queries, heads,
    COUNTS: tl.constexpr, FULLS: tl.constexpr, MAINS: tl.constexpr, RESTS: tl.constexpr, MASKED: tl.constexpr,
    NEGATED: tl.constexpr, width: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr, QUERIES: tl.constexpr,
    TILES: tl.constexpr, STAGES: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """TILES tiles of queries of one row and head. For more than one, keys and values of few tokens stay while they pass."""
    row = (tl.program_id(1) // heads).to(tl.int64)
    head = tl.program_id(1) % heads
    stride = heads * width
    at = row * queries * stride + head * width
    spots = ()
    held = ()
    weighed_by = ()
    for s in tl.static_range(len(COUNTS)):
        spot = (row // shared_by[s]) * COUNTS[s] * stride + head * width
        spots = spots + (spot,)
        weighed_by = weighed_by + (masks[s] + row * mask_strides[s],)
        if TILES > 1 and FULLS[s] < 2:
            stays = _pieces(
                keys[s] + spot, values[s] + spot, COUNTS[s], stride, width,
                MAINS[s], RESTS[s], WIDE, NARROW, UPCAST,
            )  # fmt: skip
            held = held + (stays,)
        else:
            held = held + (spot,)
    first = tl.program_id(0) * TILES
    if TILES == 1:
        _answer(
            q + at, out + at, held, keys, values, spots, weighed_by, scales, factors, first, queries, stride,
            COUNTS, FULLS, MAINS, RESTS, MASKED, NEGATED, width, WIDE, NARROW, QUERIES, False, UPCAST,
        )  # fmt: skip
    else:
        for tile in tl.range(first, tl.minimum(first + TILES, tl.cdiv(queries, QUERIES)), num_stages=STAGES):
            _answer(
                q + at, out + at, held, keys, values, spots, weighed_by, scales, factors, tile, queries, stride,
                COUNTS, FULLS, MAINS, RESTS, MASKED, NEGATED, width, WIDE, NARROW, QUERIES, True, UPCAST,
            )  # fmt: skip


def interpreted() -> bool:
    """Whether Triton runs on the CPU, one operation at a time, for tests."""
    return bool(knobs.runtime.interpret)
