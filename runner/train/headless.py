"""A ComfyUI inside of this process, without a server -> what the nodes of a prompt show.

For processes that train together: each is a ComfyUI of its own, and none has a port. Whatever of torch or ComfyUI is
imported is imported by these functions, since a process must choose its card before.
"""

import asyncio
import importlib
import json
import logging
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ..answers import failure, refusal
from ..problems import Problem

Prompt = dict[str, Any]
Outputs = dict[str, Any]
SEE = "the lines above say more."
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""As `run.py train` starts its server on processors: sums in another number of threads have other last bits."""


CACHES = {"lru": 0, "ram": 0.0, "ram_inactive": 0.0}
A_NODE = "LikenessTrainIPAdapter"
GROUPS = "torch.distributed"
GROUP = re.compile(r"gloo|NCCL|Connection (closed|reset) by peer")
"""What errors of torch's group are, and what they say where they are RuntimeErrors."""


class Stopped(Exception):
    """The prompt was broken off, as it was asked to be."""


class Lost(Problem):
    """Another process of the group is no longer there."""


class _Silent:
    """What the host's executor tells of a prompt goes nowhere."""

    client_id = last_node_id = last_prompt_id = None

    def send_sync(self, *_: object) -> None:
        pass


def begin(tree: Path, base: Path, options: Sequence[str], on_cpu: bool) -> None:
    """Make this process a ComfyUI with `base` as its base directory and all of its custom nodes."""
    sys.argv = [str(tree / "main.py"), "--base-directory", str(base), "--disable-api-nodes", *options]
    sys.argv += ["--verbose", "WARNING", *(["--cpu"] if on_cpu else [])]
    # Before the repository, whose folder `nodes` would hide the host's module.
    sys.path.insert(0, str(tree))
    import comfy.options

    comfy.options.enable_args_parsing()
    # It asks packs not to import torch before it; a process must, to find the others.
    logging.getLogger().addFilter(
        lambda record: not str(record.msg).startswith("WARNING: Potential Error in code: Torch")
    )
    importlib.import_module("main")  # before all else: it reads the options, and puts folders and memory in order

    import server

    import nodes

    # Packs give it routes when they are imported, and messages when they run; it never listens.
    loop = asyncio.new_event_loop()
    server.PromptServer(loop)
    loop.run_until_complete(nodes.init_extra_nodes(init_custom_nodes=True, init_api_nodes=False))


def run(prompt: Prompt, on_step: Callable[[int, int], None]) -> Outputs:
    """Run a prompt to its end. Raises Problem when it is refused or a node fails, Stopped when it is interrupted."""
    import comfy.utils
    import execution

    valid = asyncio.run(execution.validate_prompt("", prompt, None))
    if not valid[0]:
        raise Problem(refusal(400, json.dumps({"error": valid[1], "node_errors": valid[3]})), SEE)
    comfy.utils.set_progress_bar_global_hook(lambda done, of, *_, **__: on_step(done, of))
    executor = execution.PromptExecutor(_Silent(), execution.CacheType.CLASSIC, CACHES)
    executor.execute(prompt, "", {}, valid[2])
    _raise_failures(executor.status_messages)
    return executor.history_result["outputs"]


def _raise_failures(messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
    for event, data in messages:
        if event == "execution_interrupted":
            raise Stopped
        if event == "execution_error":
            lost = data["exception_type"].startswith(GROUPS) or GROUP.search(data["exception_message"])
            raise (Lost if lost else Problem)(failure(data), SEE)


def made(prompt: Prompt) -> dict[str, list[Any]]:
    """Run the nodes of a prompt that load models; what each gives out, by its id. Raises Problem when one fails."""
    import execution

    executor = execution.PromptExecutor(_Silent(), execution.CacheType.CLASSIC, CACHES)
    executor.execute(prompt, "", {}, list(prompt))
    _raise_failures(executor.status_messages)
    found = {name: asyncio.run(executor.caches.outputs.get(name)) for name in prompt}
    return {name: [output[0] for output in each.outputs] for name, each in found.items()}


def of_pack(module: str) -> ModuleType:
    """A module of the pack by its name below it: as a custom node the pack has a name of its own in each ComfyUI."""
    import nodes

    package = nodes.NODE_CLASS_MAPPINGS[A_NODE].__module__.partition(".nodes.")[0]
    return importlib.import_module(f"{package}.{module}")
