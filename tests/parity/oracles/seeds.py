"""Seeded numbers for modules and features, of a size that keeps activations near one."""

import torch
from torch import Tensor, nn


def generator(*key: object) -> torch.Generator:
    """A generator for a readable key, the same in every process."""
    seed = 0
    for letter in "/".join(str(part) for part in key).encode():
        seed = (seed * 257 + letter) % (2**61 - 1)
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, key: tuple) -> Tensor:
    return torch.randn(*shape, generator=generator(*key))


@torch.no_grad()
def fill(module: nn.Module, *key: object) -> nn.Module:
    """Draw every parameter of `module` (its zero convolutions and norms too), for evaluation only."""
    source = generator(*key)
    for name, parameter in module.named_parameters():
        noise = torch.randn(parameter.shape, generator=source)
        if parameter.ndim > 1:
            parameter.copy_(noise / parameter[0].numel() ** 0.5)
        elif name.endswith("weight"):
            parameter.copy_(1 + 0.1 * noise)
        else:
            parameter.copy_(0.1 * noise)
    return module.eval().requires_grad_(False)
