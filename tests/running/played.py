"""A card played by the CPU: tensors know whether they are on it, and two devices that meet in one operation are an error.

Numbers are real. What a tensor's storage was moved to or made on is written down, so `.device` tells the card, moving makes
a copy, and what comes out of an operation is where its inputs were. An operation refuses what CUDA refuses: tensors of
both devices, except a number (0 dimensions) of the CPU's, and numpy's access to the card.
"""

import threading
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

CARD = torch.device("cuda", 0)


class DevicesMet(RuntimeError):
    """Tensors on the card and on the CPU in one operation."""


class Card(TorchFunctionMode):
    """While this is entered, `CARD` can be computed on. `copies` counts what was moved to it."""

    def __init__(self) -> None:
        super().__init__()
        self.copies = 0

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor is on the card: torch keeps the object of a storage, with its attributes, as long as that."""
        if tensor.device.type == "meta" or tensor.layout != torch.strided:
            return False
        return hasattr(tensor.untyped_storage(), "is_on_the_card")

    def take(self, tensor: Tensor) -> Tensor:
        """The tensor, on the card from now on."""
        tensor.untyped_storage().is_on_the_card = True
        return tensor

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        rule = RULES.get(func) or (_looks if getattr(func, "__name__", "") in ("__get__", "__set__") else None)
        return self.run(func, args, kwargs) if rule is None else rule(self, func, args, kwargs)

    def run(self, func, args, kwargs, mixes: bool = False) -> Any:
        """An operation on what it is given: refuses what is on both devices unless it `mixes`."""
        wanted = kwargs.get("device")
        if is_card(wanted):
            kwargs = {**kwargs, "device": "cpu"}
        given = list(tensors_in((args, kwargs)))
        on_card = [one for one in given if self.holds(one)]
        beside = [one for one in given if one.dim() and one.device.type == "cpu" and not self.holds(one)]
        if on_card and beside and not mixes:
            raise DevicesMet(f"{name_of(func)} of {shapes(on_card)} on the card and {shapes(beside)} on the CPU")
        made = func(*args, **kwargs)
        if is_card(wanted) or (on_card and wanted is None):
            for one in tensors_in(made):
                if one.device.type == "cpu" and not self.holds(one):
                    self.take(one)
        return made

    def moved(self, tensor: Tensor, device: Any, **how: Any) -> Tensor:
        """`tensor.to(device)`: a copy unless it is there."""
        was = self.holds(tensor)
        will = was if device is None else is_card(device)
        if torch.device("cpu" if device is None or will else device).type == "meta":
            return tensor.to(device, **how)
        made = tensor.to("cpu", **how)
        if was != will:
            made = made.clone(memory_format=torch.preserve_format) if shares(made, tensor) else made
            self.copies += will
        return self.take(made) if will else made


def is_card(device: Any) -> bool:
    return device is not None and not isinstance(device, int) and torch.device(device).type == CARD.type


def tensors_in(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def shares(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage()._cdata == other.untyped_storage()._cdata


def shapes(tensors: list[Tensor]) -> str:
    return ", ".join(str(tuple(one.shape)) for one in tensors)


def name_of(func: Any) -> str:
    return getattr(func, "__qualname__", str(func))


# How each operation that has to do with devices itself is done: (card, the operation, its arguments) -> its result.


def _to(card: Card, func, args, kwargs):
    tensor, *rest = args
    how = dict(kwargs)
    device = how.pop("device", None)
    other = how.pop("other", None)
    names = iter(("non_blocking", "copy"))
    for one in rest:
        if isinstance(one, Tensor):
            other = one
        elif isinstance(one, torch.dtype):
            how["dtype"] = one
        elif isinstance(one, bool):
            how[next(names)] = one
        elif one is not None:
            device = one
    if other is not None:
        device, how["dtype"] = (CARD if card.holds(other) else other.device), other.dtype
    if how.get("dtype", 0) is None:
        del how["dtype"]
    return card.moved(tensor, device, **how)


def _type_as(card: Card, func, args, kwargs):
    tensor, other = args
    return card.moved(tensor, CARD if card.holds(other) else other.device, dtype=other.dtype)


def _cpu(card: Card, func, args, kwargs):
    return card.moved(args[0], "cpu")


def _cuda(card: Card, func, args, kwargs):
    return card.moved(args[0], CARD)


def _pinned(card: Card, func, args, kwargs):
    if card.holds(args[0]):
        raise RuntimeError("cannot pin what is on the card")
    return args[0].clone()


def _device(card: Card, func, args, kwargs):
    return CARD if card.holds(args[0]) else func(*args, **kwargs)


def _is_cuda(card: Card, func, args, kwargs):
    return card.holds(args[0])


def _is_cpu(card: Card, func, args, kwargs):
    return func(*args, **kwargs) and not card.holds(args[0])


def _index(card: Card, func, args, kwargs):
    """Indices may stay on the CPU."""
    tensor, index, *written = args
    indices = list(tensors_in(index))
    if not card.holds(tensor) and any(card.holds(one) and one.dim() for one in indices):
        raise DevicesMet(f"{name_of(func)}: an index on the card into {tuple(tensor.shape)} on the CPU")
    values = [one for one in tensors_in(written) if one.dim()]
    if indices and any(card.holds(one) != card.holds(tensor) for one in values):
        raise DevicesMet(f"{name_of(func)}: a value on the other device than {tuple(tensor.shape)}")
    return card.run(func, args, kwargs, mixes=True)


def _mixes(card: Card, func, args, kwargs):
    """Writes into its first argument, from wherever the others are."""
    return card.run(func, args, kwargs, mixes=True)


def _numpy(card: Card, func, args, kwargs):
    if card.holds(args[0]):
        raise TypeError(f"can't convert a tensor on the card to numpy: {tuple(args[0].shape)}")
    return func(*args, **kwargs)


def _gradient(card: Card, func, args, kwargs):
    """What a backward pass leaves beside a tensor is where that is; the pass itself is no operation that is seen here."""
    made = func(*args, **kwargs)
    return card.take(made) if made is not None and card.holds(args[0]) else made


def _backward(card: Card, func, args, kwargs):
    """What a backward pass calls of Python's, as blocks that compute their activations twice, is watched too."""
    names = ("gradient", "retain_graph", "create_graph", "inputs")
    given = {**dict(zip(names, args[1:], strict=False)), **kwargs}
    gradient = given.pop("gradient", None)
    with card:
        torch.autograd.backward(args[0], gradient, **given)


def _looks(card: Card, func, args, kwargs):
    """Asks or sets what is no operation on numbers."""
    return func(*args, **kwargs)


RULES = {
    Tensor.to: _to,
    Tensor.type_as: _type_as,
    Tensor.cpu: _cpu,
    Tensor.cuda: _cuda,
    Tensor.pin_memory: _pinned,
    Tensor.is_pinned: lambda card, func, args, kwargs: False,
    Tensor.device.__get__: _device,
    Tensor.is_cuda.__get__: _is_cuda,
    Tensor.is_cpu.__get__: _is_cpu,
    Tensor.__getitem__: _index,
    Tensor.__setitem__: _index,
    Tensor.copy_: _mixes,
    Tensor.grad.__get__: _gradient,
    Tensor.backward: _backward,
    torch._has_compatible_shallow_copy_type: _looks,
    torch._C._nn._parse_to: _looks,
    Tensor.numpy: _numpy,
    Tensor.__array__: _numpy,
}
"""Beside these, what gets or sets an attribute is no operation on numbers."""

MEMORY = 8 * 2**30


def changes(free: int = MEMORY) -> list[tuple[Any, str, Any]]:
    """What of the host and of torch is another with this card: (owner, name, value); `free` is what it has left, in bytes."""
    import comfy.model_management as management

    def memory(of_the_cpu, left):
        def asked(dev=None, *which, **of_torch):
            if not is_card(CARD if dev is None else dev):
                return of_the_cpu(dev, *which, **of_torch)
            return (left, left) if any((*which, *of_torch.values())) else left

        return asked

    of_the_host = {
        "get_torch_device": lambda: CARD,
        "text_encoder_device": lambda: CARD,
        "vram_state": management.VRAMState.NORMAL_VRAM,
        "get_free_memory": memory(management.get_free_memory, free),
        "get_total_memory": memory(management.get_total_memory, MEMORY),
    }
    autocast = torch.autocast.__init__

    def in_half(self, device_type, *which, **how):
        autocast(self, "cpu" if is_card(device_type) else device_type, *which, **how)

    of_torch = {
        "synchronize": lambda device=None: None,
        "current_device": lambda: CARD.index,
        "set_device": lambda device: None,
        "max_memory_allocated": lambda device=None: MEMORY,
    }
    owners = (
        (management, of_the_host),
        (torch.cuda, of_torch),
        (torch.cuda.amp.common, {"amp_definitely_not_available": lambda: False}),
        (torch.autocast, {"__init__": in_half}),
    )
    return [(owner, *each) for owner, values in owners for each in values.items()]


def install() -> None:
    """Compute on it from now on, in every thread."""
    for change in changes():
        setattr(*change)
    card, run = Card(), threading.Thread.run

    def on_the_card(thread: threading.Thread) -> None:
        with card:
            run(thread)

    threading.Thread.run = on_the_card
    card.__enter__()
