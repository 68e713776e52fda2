"""Passes of a training -> the same passes as one launch each: what a card was told once is recorded, and told again whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .drawing import Part

_MOST = 16  # recordings: one for each size of latents and length of texts
_SEEN = 2  # passes of a kind before it is recorded: the first also measures what its activations take


@dataclass(frozen=True, eq=False)
class _Recording:
    """A recorded pass, the tensors that it reads, and the loss that it writes."""

    graph: Any
    reads: Sequence[Tensor]
    loss: Tensor


class Graphs:
    """Records each kind of pass after it was seen, and from then on copies its inputs and plays it.

    A step of SDXL has six thousand kernels, which take a fast card less time than they take the host to launch. A pass
    reads and writes where it did when it was recorded: gradients are zeroed and never replaced, and when weights may
    have moved everything must be forgotten.
    """

    def __init__(self, passes: Callable[[Part], Tensor], weights: Sequence[Tensor], wanted: bool) -> None:
        """`passes` adds gradients to the weights and returns the loss."""
        self._passes = passes
        self._weights = list(weights)
        self.wanted = wanted
        self.made = 0
        self._seen: dict[Hashable, int] = {}
        self._recorded: dict[Hashable, _Recording] = {}
        self._pool: Any = None

    def run(self, part: Part, state: Hashable, settled: bool) -> Tensor:
        """The loss of a part, whose gradients are added to the weights'.

        `state` is what else the pass depends on; it is recorded only when that is `settled`.
        """
        kind = (state, *((tuple(tensor.shape), tensor.dtype) for tensor in _tensors(part)))
        if kind in self._recorded:
            return self._played(self._recorded[kind], part)
        loss = self._passes(part)
        self._seen[kind] = self._seen.get(kind, 0) + 1
        if self.wanted and settled and self._seen[kind] >= _SEEN and len(self._recorded) < _MOST:
            self._record(kind, part)
        return loss

    def forget(self) -> None:
        """Give the recordings and their memory back."""
        self._recorded.clear()
        self._pool = None

    def stop(self) -> bool:
        """Record no more, and give the memory back; whether any was taken."""
        taken = bool(self._recorded)
        self.wanted = False
        self.forget()
        return taken

    def _played(self, recording: _Recording, part: Part) -> Tensor:
        for place, given in zip(recording.reads, _tensors(part), strict=True):
            place.copy_(given)
        recording.graph.replay()
        return recording.loss.clone()

    def _record(self, kind: Hashable, part: Part) -> None:
        """Nothing is computed meanwhile, and nothing is added to the gradients."""
        reads = [tensor.clone() for tensor in _tensors(part)]
        gradients = [weight.grad for weight in self._weights]
        try:
            graph: Any = torch.cuda.CUDAGraph()
            self._pool = self._pool or torch.cuda.graph_pool_handle()
            if any(gradient is None for gradient in gradients):
                raise RuntimeError("a weight has no gradient to add to")
            # Other threads may allocate memory meanwhile.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                loss = self._passes(_with(part, reads))
        except RuntimeError as error:
            # What ended the recording stands behind the error that it was ended by.
            first = error.__context__ or error
            reason = f"{type(first).__name__}: {str(first).strip().partition(chr(10))[0]}"
            logging.warning("Steps are launched kernel by kernel, as this device cannot record them: %s.", reason)
            self.stop()
            for weight, gradient in zip(self._weights, gradients, strict=True):
                weight.grad = gradient
            return
        self._recorded[kind] = _Recording(graph, reads, loss)
        self.made += 1


def _tensors(part: Part) -> list[Tensor]:
    """All that a pass reads of a part, in an order of its own."""
    given, batch = part.given, part.batch
    optional = [tensor for tensor in (batch.hints, part.weights) if tensor is not None]
    return [given.clean, given.noisy, given.sigmas, *batch.conditions.values(), *batch.features, *optional]


def _with(part: Part, tensors: Sequence[Tensor]) -> Part:
    """The same part with other tensors, in the order of _tensors."""
    left = list(tensors)
    clean, noisy, sigmas = (left.pop(0) for _ in range(3))
    conditions = {name: left.pop(0) for name in part.batch.conditions}
    features = tuple(left.pop(0) for _ in part.batch.features)
    hints = left.pop(0) if part.batch.hints is not None else None
    weights = left.pop(0) if part.weights is not None else None
    batch = replace(part.batch, conditions=conditions, features=features, hints=hints)
    return Part(replace(part.given, clean=clean, noisy=noisy, sigmas=sigmas), batch, weights)
