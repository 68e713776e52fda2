"""Passes of a training -> the same passes as one launch each: what a card was told once is recorded, and told again whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..memory_full import is_full
from .drawing import Part

_MOST = 16  # recordings: one for each size of latents and length of texts
_SEEN = 2  # passes of a kind before it is recorded: the first also measures what its activations take
_NEAR = (
    0.02  # of the loss and of the gradients' norms: what rounding in half precision may differ by, and no fault does
)


@dataclass(eq=False)
class _Recording:
    """A recorded pass, the tensors that it reads, the loss that it writes, and whether it was seen to give what it should."""

    graph: Any
    reads: Sequence[Tensor]
    loss: Tensor
    checked: bool = False


class Graphs:
    """Records each kind of pass after it was seen, compares what it gives for other inputs, and from then on plays it.

    A step of SDXL has six thousand kernels, which take a fast card less time than they take the host to launch. A pass
    reads and writes where it did when it was recorded: gradients are zeroed and never replaced, and when weights may
    have moved everything must be forgotten.
    """

    def __init__(
        self,
        passes: Callable[[Part], Tensor],
        sparing: Callable[[Part], Tensor],
        weights: Sequence[Tensor],
        wanted: bool,
    ) -> None:
        """`passes` adds gradients to the weights and returns the loss; `sparing` does so with the least memory."""
        self._passes = passes
        self._sparing = sparing
        self._weights = list(weights)
        self.wanted = wanted
        self.made = 0
        self._seen: dict[Hashable, int] = {}
        self._recorded: dict[Hashable, _Recording] = {}
        self._pool: Any = None

    def run(self, part: Part, state: Hashable, settled: bool, fresh: bool) -> Tensor:
        """The loss of a part, whose gradients are added to the weights'; `fresh` says that these are zero.

        `state` is what else the pass depends on; it is recorded only when that is `settled`.
        """
        if not self.wanted:
            return self._passes(part)
        kind = (state, *((tuple(tensor.shape), tensor.dtype) for tensor in _tensors(part)))
        recording = self._recorded.get(kind)
        if recording is not None and recording.checked:
            return self._played(recording, part)
        if recording is not None and fresh:
            return self._compared(recording, part)
        # Recordings have memory of their own: what is computed beside them must do with little.
        loss = self._sparing(part)
        self._seen[kind] = self._seen.get(kind, 0) + 1
        if recording is None and settled and self._seen[kind] >= _SEEN and len(self._recorded) < _MOST:
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

    def _compared(self, recording: _Recording, part: Part) -> Tensor:
        """The loss and the gradients as passes compute them, and whether the recording gives the same."""
        played, found = self._played(recording, part), self._norms()
        for weight in self._weights:
            if weight.grad is not None:
                weight.grad.zero_()
        loss = self._sparing(part)
        wanted = self._norms()
        apart = float(torch.maximum((played - loss).abs() / loss.abs(), (found - wanted).norm() / wanted.norm()))
        recording.checked = apart <= _NEAR
        if not recording.checked:
            logging.warning("Steps are launched kernel by kernel: a recorded one was wrong by %.1f %%.", 100 * apart)
            self.stop()
        return loss

    def _norms(self) -> Tensor:
        return torch.stack([weight.grad.norm() for weight in self._weights if weight.grad is not None])

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
            why = "as its memory is too small to record them" if is_full(first) else "as this device cannot record them"
            logging.warning("Steps are launched kernel by kernel, %s: %s.", why, reason)
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
