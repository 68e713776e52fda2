"""Which steps of the set-up are done, so that a finished one is skipped and a broken one repeated."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path


def key_of(*ingredients: object) -> str:
    """A short hash of everything a step is made from; when it changes, the step runs again."""
    return hashlib.sha256(json.dumps(ingredients, default=str).encode()).hexdigest()[:32]


def contents(paths: Iterable[Path]) -> list[str]:
    """Name and hash of each file, as an ingredient for `key_of`."""
    return [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(paths)]


def once(stamp: Path, key: str, makes: Path, step: Callable[[], None]) -> bool:
    """Run `step` unless its stamp says it is done and what it `makes` is there; say whether it ran.

    The stamp is removed first and written last, so a step that was interrupted or failed runs again.
    """
    if makes.exists() and stamp.is_file() and stamp.read_text() == key:
        return False
    stamp.unlink(missing_ok=True)
    step()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)
    return True
