"""A command of ours, run in the Python that has the engine."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .. import environment
from ..client_process import ended
from ..locks import only_one
from ..places import Places
from .hosts import LEASH

SILENT = {"RAY_USAGE_STATS_ENABLED": "0"}


def engine_python(places: Places) -> Path:
    """The Python that has the engine, which is put in place where it is not. Raises Problem where it cannot be."""
    with only_one(places.work / "lock"):
        environment.bootstrap(places)
        return environment.prepare_batch(places)


def there(python: Path, module: str, words: Sequence[str | Path]) -> int:
    """Run one of our modules in a Python; it ends with us. Its exit status."""
    command = [str(python), str(LEASH), "-m", module, *map(str, words)]
    environ = {**os.environ, **SILENT, "PYTHONUTF8": "1"}
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE) as engine:
        return ended(engine)
