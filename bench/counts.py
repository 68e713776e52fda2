"""Counts of what happens in a piece of work, the same on every machine."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

SYNCS = {"item", "_local_scalar_dense", "is_nonzero", "nonzero", "equal", "masked_select"}
"""Operators that make the host wait for the device. A copy to the processor is counted by where it goes."""
NO_KERNEL = {"empty", "empty_like", "new_empty", "lift_fresh", "detach"}


class Operators(TorchDispatchMode):
    """Counts operators that compute something, and those that make the host wait, while a with-block lasts.

    A view of a tensor computes nothing: its result lies in the memory of an argument that is not written to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()
        self.syncs = 0

    @property
    def count(self) -> int:
        return sum(self.names.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        if name in SYNCS or _leaves_the_device(given, result):
            self.syncs += 1
        if name not in NO_KERNEL and not _is_view(func, given, result):
            self.names[name] += 1
        return result


def _leaves_the_device(given: list[Tensor], result: Any) -> bool:
    to_processor = isinstance(result, Tensor) and result.device.type == "cpu"
    return to_processor and any(x.device.type not in ("cpu", "meta") for x in given)


def _is_view(func: Any, given: list[Tensor], result: Any) -> bool:
    if any(a.alias_info is not None and a.alias_info.is_write for a in func._schema.arguments):
        return False
    made = [x for x in tree_leaves(result) if isinstance(x, Tensor)]
    memory = {x.untyped_storage()._cdata for x in given}  # its address would be 0 for all without numbers
    return bool(made) and all(x.untyped_storage()._cdata in memory for x in made)


def watched(model: Any) -> tuple[Any, list[Operators]]:
    """A clone of a model, and a list that gets the count of each step that is sampled with it."""
    from comfy.patcher_extension import WrappersMP

    clone, steps = model.clone(), []

    def count(executor: Any, *args: Any, **kwargs: Any) -> Any:
        with Operators() as operators:
            steps.append(operators)
            return executor(*args, **kwargs)

    clone.add_wrapper(WrappersMP.PREDICT_NOISE, count)
    return clone, steps


def attended(model: Any) -> tuple[Any, list[int]]:
    """A clone of a model, and a list that gets the number of keys of each attention that the host computes for it."""
    clone, seen = model.clone(), []

    def count(function: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(args[1].shape[1])
        return function(*args, **kwargs)

    clone.model_options["transformer_options"]["optimized_attention_override"] = count
    return clone, seen


@contextmanager
def calls(*places: tuple[Any, str]) -> Iterator[Counter[str]]:
    """How often each of the functions (owner, name) is called, by name."""
    seen: Counter[str] = Counter()

    def counting(name: str, original: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            seen[name] += 1
            return original(*args, **kwargs)

        return counted

    with ExitStack() as stack:
        for owner, name in places:
            original = getattr(owner, name)
            setattr(owner, name, counting(name, original))
            stack.callback(setattr, owner, name, original)
        yield seen


def resident_bytes(patchers: list[Any]) -> int:
    """Bytes of these models' weights that the host holds loaded now."""
    import comfy.model_management

    loaded = comfy.model_management.current_loaded_models
    return sum(entry.model_memory() for entry in loaded if any(entry.model is patcher for patcher in patchers))


def alive(*kinds: type) -> int:
    """How many objects of these classes are in memory."""
    gc.collect()
    return sum(type(found) in kinds for found in gc.get_objects())
