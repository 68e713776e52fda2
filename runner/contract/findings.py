"""Uses of ComfyUI -> those that the ComfyUI on the path does not answer to, and why."""

import importlib
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .uses import Call, Use


@dataclass(frozen=True)
class Finding:
    """Something that the pack relies on and that does not hold: what, and the feature that it touches."""

    what: str
    feature: str
    is_guarded: bool = False


def findings(uses: Iterable[Use]) -> Iterator[Finding]:
    """What does not hold, once for a feature; calls are bound to signatures, and nothing is called."""
    told: set[tuple[str, str]] = set()
    for use in uses:
        wrong = _wrong(use)
        if wrong is not None and (wrong, use.feature) not in told:
            told.add((wrong, use.feature))
            yield Finding(wrong, use.feature, use.is_guarded)


def _wrong(use: Use) -> str | None:
    try:
        found = resolved(use.name)
    except (ImportError, AttributeError) as error:
        return f"{use.name} is not there ({error})"
    return None if use.call is None or _takes(found, use.call) else f"{use.name} does not take {use.call}"


def resolved(name: str) -> Any:
    """What stands under a dotted name. Raises ImportError or AttributeError, naming the part that is missing."""
    first, *rest = name.split(".")
    module, found = first, importlib.import_module(first)
    for part in rest:
        if inspect.ismodule(found) and not hasattr(found, part):
            module = f"{found.__name__}.{part}"
            try:
                found = importlib.import_module(module)
            except ModuleNotFoundError as error:
                if error.name != module:
                    raise
                raise AttributeError(f"{found.__name__} has no {part}") from error
        else:
            found = getattr(found, part)
    return found


def _takes(found: Any, call: Call) -> bool:
    try:
        signature = inspect.signature(found)
    except (ValueError, TypeError):  # written in C: it does not say what it takes
        return callable(found)
    bind = signature.bind_partial if call.is_open else signature.bind
    try:
        bind(*(None,) * call.positional, **dict.fromkeys(call.named))
    except TypeError:
        return False
    return True
