"""Turns a seed and a parameter's name into its values, at scales that keep activations near one."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

Shape = tuple[int, ...]


def normal(seed: int, name: str, shape: Iterable[int], std: float = 1.0, mean: float = 0.0) -> Tensor:
    """Normally distributed float32 numbers that depend on nothing but the arguments."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    return torch.randn(tuple(shape), generator=generator).mul_(std).add_(mean)


def weight(seed: int, name: str, shape: Shape, gain: float = 1.0) -> Tensor:
    """A linear or convolution weight: variance gain**2 / fan-in."""
    return normal(seed, name, shape, std=gain / math.sqrt(math.prod(shape[1:])))


def bias(seed: int, name: str, shape: Shape) -> Tensor:
    return normal(seed, name, shape, std=0.05)


def norm_weight(seed: int, name: str, shape: Shape) -> Tensor:
    return normal(seed, name, shape, std=0.1, mean=1.0)


def parameters(module: nn.Module) -> Iterator[tuple[str, Shape, nn.Module]]:
    """Name, shape and owner of every parameter.

    Under dynamic memory management the host creates linear layers without their tensors, so those
    shapes are read from the layer, not from the tensor.
    """
    for path, owner in module.named_modules():
        prefix = f"{path}." if path else ""
        if isinstance(owner, nn.Linear):
            yield f"{prefix}weight", (owner.out_features, owner.in_features), owner
            if owner.bias is not None or getattr(owner, "comfy_need_lazy_init_bias", False):
                yield f"{prefix}bias", (owner.out_features,), owner
        else:
            for name, tensor in owner.named_parameters(recurse=False):
                yield prefix + name, tuple(tensor.shape), owner


def values(module: nn.Module, seed: int, gains: Mapping[str, float] | None = None) -> dict[str, Tensor]:
    """Values for every parameter of a module but its scalars, float32 on the CPU.

    `gains` maps endings of names to the gain of that weight; others have 1.
    """
    gains = gains or {}
    out = {}
    for name, shape, owner in parameters(module):
        if shape == ():
            continue
        if isinstance(owner, nn.GroupNorm | nn.LayerNorm) and name.endswith("weight"):
            out[name] = norm_weight(seed, name, shape)
        elif isinstance(owner, nn.Embedding) or len(shape) == 1 and not name.endswith("bias"):
            out[name] = normal(seed, name, shape, std=gain_of(name, gains))
        elif len(shape) == 1:
            out[name] = bias(seed, name, shape)
        else:
            out[name] = weight(seed, name, shape, gain_of(name, gains))
    return out


def gain_of(name: str, gains: Mapping[str, float]) -> float:
    return next((gain for ending, gain in gains.items() if name.endswith(ending)), 1.0)


def fill(module: nn.Module, tensors: Mapping[str, Tensor], assign: bool = False) -> None:
    """Load the tensors; every other tensor of the module keeps its value, and an unknown name is an error."""
    module.load_state_dict({**module.state_dict(), **tensors}, strict=True, assign=assign)
    module.requires_grad_(False)
