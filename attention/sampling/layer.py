"""What the branches add in one layer: put together once for calls of one kind, then added to each call's attention.

Nothing here knows what kind of model the layer is in: queries, heads and the base are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import comfy.ldm.modules.attention as host
import torch
from torch import Tensor

from ..branch.fusion import Fusion, Strength, delta, mass_on_first
from ..branch.scaling import Scaled
from .acting import BranchOnRows
from .tokens import Tokens


@dataclass(frozen=True, eq=False)
class BranchInLayer:
    """One branch in one layer of `heads` heads: out + weight * fusion(factor * Attn(q, K, V), base).

    Queries are (rows, N, D), or apart by heads (rows, heads, N, D / heads); what it is added to is (rows, N, D).

    `scaled` says where the branch's factor acts. `mask` (rows or 1, N, 1) is the factor of each query, None for 1.
    """

    branch: BranchOnRows
    tokens: Tokens
    scaled: Scaled
    mask: Tensor | None
    heads: int

    @cached_property
    def joins(self) -> str:
        """What its answer is added to: see `Way`."""
        return self.branch.attachment.way.joins

    @cached_property
    def _adds(self) -> bool:
        return self.branch.attachment.fusion.adds

    @cached_property
    def _by_heads(self) -> tuple[Tensor, Tensor]:
        """Keys and values (G, heads, T, d), which lie in the memory of the tokens'."""
        return _split(self.tokens.key, self.heads), _split(self.tokens.value, self.heads)

    @cached_property
    def _width(self) -> int:
        """Of a head."""
        return self.tokens.key.shape[-1] // self.heads

    @cached_property
    def _logits(self) -> float | None:
        """What logits are multiplied by; None for the root of the head width, as everywhere."""
        keys = self.scaled.keys
        return None if isinstance(keys, Tensor) or keys == 1.0 else keys * self._width**-0.5

    def add_to(self, out: Tensor, base: Tensor, q: Tensor) -> Tensor:
        """`out` (rows, N, D) and what this branch adds for the queries `q`, both of the kind of `base`.

        Every branch reads the same `base`, which is never written to; `out` is, unless it is `base` itself.
        """
        image = self.answer(q)
        if self._adds:
            return self.add_answer(out, base, image)
        fusion = self.branch.attachment.fusion
        mass = self._mass(q, fusion) if fusion.weighs_mass else None
        return self._added(out, base, delta(base, image, self.scaled.output, mass, fusion), 1.0)

    def add_answer(self, out: Tensor, base: Tensor, image: Tensor) -> Tensor:
        """As `add_to`, where the attention was computed before and fusion only adds."""
        return self._added(out, base, image, self.scaled.output)

    def write_answer(self, out: Tensor, image: Tensor) -> None:
        """As `add_answer`, written to `out` itself, which may be a part of a tensor."""
        self._added(out, None, image, self.scaled.output)

    def _added(self, out: Tensor, base: Tensor | None, image: Tensor, factor: Strength) -> Tensor:
        # Written to a new tensor once, then in place: `base` may be another pack's.
        in_place, mask = out is not base, self.mask
        if isinstance(factor, Tensor):
            mask, factor = (factor if mask is None else factor * mask), 1.0
        if image.ndim == 4:  # seen by heads, so that nothing is copied to bring the two together
            out, mask = out.unflatten(-1, image.shape[2:]), None if mask is None else mask[..., None]
            return _sum(out, image, mask, factor, out if in_place else None).flatten(2)
        return _sum(out, image, mask, factor, out if in_place else None)

    def answer(self, q: Tensor) -> Tensor:
        """Attention (rows, N, D) of queries to tokens that G groups of consecutive rows share.

        Of queries that are apart by heads it is (rows, N, heads, D / heads), and G is `rows`.
        """
        tokens, keys = self.tokens, self.scaled.keys
        key, value = self._by_heads
        if tokens.means is not None:
            value = _split(_shifted(tokens.value, tokens.means, self.scaled.mean_shift), self.heads)
        is_by_heads = q.ndim == 4
        if isinstance(keys, Tensor):  # a factor for each row: the same product as scaling its keys
            q = q * (keys[:, None] if is_by_heads else keys)
        asked = q if is_by_heads else q.reshape(key.shape[0], -1, self.heads, self._width).transpose(1, 2)
        # PyTorch's own attention on purpose: quantised or approximate ones lose what few tokens carry.
        made = host.attention_pytorch(
            asked, key, value, self.heads,
            mask=tokens.bias, scale=self._logits, skip_reshape=True, skip_output_reshape=True,
        ).transpose(1, 2)  # fmt: skip
        return made if is_by_heads else made.reshape(q.shape)

    def _mass(self, q: Tensor, fusion: Fusion) -> Tensor:
        key = self.tokens.key
        grouped = q.reshape(key.shape[0], -1, q.shape[-1])
        first = fusion.mass_tokens or key.shape[1] - fusion.zero_tokens
        return mass_on_first(grouped, key, self.heads, first, self.tokens.bias).reshape(*q.shape[:2], 1)


def _split(tokens: Tensor, heads: int) -> Tensor:
    """Tokens (G, T, heads * d) by heads: (G, heads, T, d), in the same memory."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


@dataclass(frozen=True, eq=False)
class Layer:
    """The branches that act in one layer, in the order in which they are summed.

    `fused` computes the text's attention to (q, k, v) and all of them at once, where there is a kernel that can; None
    where that has failed.
    """

    branches: tuple[BranchInLayer, ...]
    fused: Callable[[Tensor, Tensor, Tensor], Tensor | None] | None = None

    def answers(self, q: Tensor) -> tuple[Tensor, ...]:
        """The attention of every branch, for `add_answers` when there is something to add it to."""
        return tuple(branch.answer(q) for branch in self.branches)

    def add_answers(self, base: Tensor, answers: Sequence[Tensor], joins: str) -> Tensor:
        """`base` (rows, N, D) and the answer of every branch that joins there, which fusion only adds."""
        out = base
        for branch, answer in zip(self.branches, answers, strict=True):
            if branch.joins == joins:
                out = branch.add_answer(out, base, answer)
        return out

    def write_answers(self, out: Tensor, answers: Sequence[Tensor], joins: str) -> None:
        """As `add_answers`, written to `out` itself."""
        for branch, answer in zip(self.branches, answers, strict=True):
            if branch.joins == joins:
                branch.write_answer(out, answer)

    def joins(self, place: str) -> bool:
        """Whether a branch joins at this place."""
        return any(branch.joins == place for branch in self.branches)

    def add_to(self, base: Tensor, q: Tensor) -> Tensor:
        """`base` and what every branch adds to it; `base` itself where none acts here."""
        out = base
        for branch in self.branches:
            out = branch.add_to(out, base, q)
        return out


def _sum(out: Tensor, image: Tensor, mask: Tensor | None, factor: float, target: Tensor | None) -> Tensor:
    """out + factor * mask * image, in one operation, written to `target` where there is one."""
    if mask is None:
        return torch.add(out, image, alpha=factor, out=target)
    return torch.addcmul(out, image, mask, value=factor, out=target)


def _shifted(value: Tensor, means: Tensor, shift: Strength) -> Tensor:
    """value + shift * means, in one operation."""
    if isinstance(shift, Tensor):
        return torch.addcmul(value, means, shift)
    return torch.add(value, means, alpha=shift)
