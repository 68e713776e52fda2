"""A ComfyUI that encodes the stretches that it is told, one after the other; what has started it keeps its input open.

Lines of JSON: {"ask": "begin" | "stretch" | "end", "number": ...} come in; {"at": ...} while it works, and one
{"done": ...} or {"problem": [what, cure]} for each go out. It ends when its input does, however that ends.
"""

import argparse
import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from ..batch.leash import held_by_the_kernel
from ..batch.store import store_at
from ..folders import options_for
from ..locks import only_one
from ..places import Places
from ..problems import Problem
from ..setup import link
from ..train import headless
from ..train.model_folders import model_folders
from .stretches import Stretches, ended
from .tries import REST, Tries


class _Course:
    """Says what a stretch is at, so that who waits knows that it goes on, and keeps its tries."""

    def __init__(self, tries: Tries, out: TextIO) -> None:
        self._tries, self._out = tries, out

    def begins(self, name: str) -> str:
        _say(self._out, {"at": name})
        return self._tries.begins(name)

    def ended(self) -> None:
        pass


class Worker:
    """What is asked, done: each method is one thing to ask for."""

    def __init__(self, options: argparse.Namespace, out: TextIO) -> None:
        self._options, self._out = options, out
        self._store = store_at(str(options.out))
        self._stretches: Stretches | None = None

    def begin(self, _: int) -> Mapping[str, object]:
        """Load the models, and begin the lesson or go on with it."""
        self._stretches = stretches = Stretches(self._options)
        stretches.load()
        stretches.begin()
        made = [number for number in range(stretches.count) if stretches.has(number)]
        return {"pictures": len(stretches.found), "stretches": stretches.count, "made": made}

    def stretch(self, number: int) -> Mapping[str, object]:
        """Encode a stretch, unless it is there."""
        stretches = self._stretches
        if not stretches.has(number):
            tries = Tries(self._store, number, self._options.attempts, self._options.timeout)
            try:
                given_up = tries.begins(REST)
                if given_up:
                    stretches.leave_out(number, given_up)
                else:
                    stretches.make(number, _Course(tries, self._out))
            except Problem:  # no room, or a lesson made otherwise: not the picture's fault
                with suppress(Problem):
                    tries.forgive()
                raise
            tries.end()
        return {"pictures": len(stretches.part(number)), "errors": dict(stretches.errors_in(number))}

    def end(self, number: int) -> Mapping[str, object]:
        """List what there is of so many stretches."""
        pictures, errors = ended(self._options, number)
        return {"pictures": pictures, "errors": dict(errors)}


def answer(worker: Worker, asked: Mapping[str, Any]) -> Mapping[str, object]:
    """What comes of one line. Whatever is no Problem ends this process: another one tries again."""
    try:
        return {"done": getattr(worker, asked["ask"])(asked["number"])}
    except Problem as problem:
        return {"problem": [problem.what, problem.cure]}


def _say(out: TextIO, content: Mapping[str, object]) -> None:
    out.write(json.dumps(content) + "\n")
    out.flush()


def _lines() -> "queue.SimpleQueue[str]":
    """Lines of the input as they come; its end is the end of this process, whatever it is at."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return lines


def main() -> None:
    """Become a ComfyUI, and answer."""
    from ..cli import parse

    form = argparse.ArgumentParser(prog="worker", description=__doc__, allow_abbrev=False)
    form.add_argument("--tree", type=Path, required=True)
    form.add_argument("--folder", type=Path, required=True, help="for what it needs while it runs")
    ours, words = form.parse_known_args()
    held_by_the_kernel()
    lines = _lines()
    # What nodes and libraries print goes to the log.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    options, places = parse(["encode", *words]), Places()
    with only_one(places.work / "lock"):
        link(places, miniature=not options.base_model)
    import torch

    models = options_for(model_folders(places, options), ours.folder / "model-folders.yaml")
    headless.begin(ours.tree, places.base, models, on_cpu=not torch.cuda.is_available())
    worker = Worker(options, out)
    while True:
        _say(out, answer(worker, json.loads(lines.get())))


if __name__ == "__main__":
    main()
