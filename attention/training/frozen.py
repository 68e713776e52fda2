"""Hashes of models, to show that training left what is frozen untouched."""

from __future__ import annotations

from torch import nn

from ..cache import digest


def fingerprint(module: nn.Module) -> str:
    """A hash of every weight and buffer of a module, in the order of their names."""
    tensors = sorted(module.state_dict().items())
    return digest(*(tensor for _, tensor in tensors))


def check_untouched(before: str, module: nn.Module, what: str) -> None:
    """Raise RuntimeError unless a module still has the weights it had."""
    after = fingerprint(module)
    if after != before:
        raise RuntimeError(f"training changed {what}, which is frozen: {before} became {after}. Nothing was saved.")
