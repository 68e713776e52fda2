"""`--gpus N` -> N processes on this machine, begun and begun again by torch's own launcher."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ..comfyui import Host
from ..places import Places
from ..problems import Problem, say
from .headless import ONE_THREAD
from .seats import OUTCOME, STOPPED

COUNT = "import torch; print(torch.cuda.device_count())"
# Torch's launcher hands a signal on to the processes, waits for them, and then ends in a traceback of its own.
LAUNCHER = f"""
import logging, sys
logging.disable(logging.WARNING)  # what it does, in its own words; of what dies it tells in errors
try:
    from torch.distributed.run import main
    main()
except KeyboardInterrupt:
    sys.exit({STOPPED})
except Exception as error:
    if type(error).__name__ != "SignalException":
        raise
    sys.exit({STOPPED})
"""
PATIENCE = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "600"}
"""Seconds in which the processes can end their step and write the state before the launcher kills them."""


def started(places: Places, host: Host, options: argparse.Namespace, count: int) -> int:
    """Run the command in `count` processes, all of which are started again when one of them dies; the exit status."""
    _check_cards(host, count)
    with tempfile.TemporaryDirectory(prefix="likeness-train-") as folder:
        outcome = Path(folder, "outcome.json")
        command = [host.python, "-c", LAUNCHER, "--standalone", "--nproc-per-node", count]
        command += ["--max-restarts", options.restarts, places.root / "run.py", *words_for(options)]
        command += ["--comfyui", host.tree]
        environ = {**PATIENCE, **os.environ, **ONE_THREAD, **_loopback(), "PYTHONUTF8": "1", OUTCOME: str(outcome)}
        say(f"Starting {count} process{'es' if count > 1 else ''} with a ComfyUI{' in each' if count > 1 else ''}")
        with subprocess.Popen([str(part) for part in command], env=environ) as launcher:
            status = _ended(launcher)
        if not outcome.is_file():
            if status == STOPPED:
                return STOPPED
            raise Problem(
                f"A process ended {options.restarts + 1} times by itself; what it said is above.",
                "run the same command again: it goes on with what is kept. --restarts N tries more often.",
            )
        return json.loads(outcome.read_text(encoding="utf-8"))["status"]


def _ended(launcher: "subprocess.Popen[bytes]") -> int:
    """Wait for the launcher, which is told of Ctrl-C as we are; its exit status."""
    while True:
        try:
            return launcher.wait()
        except KeyboardInterrupt:
            continue
        except SystemExit:  # we are told to end ourselves; killed, it would leave its processes behind
            launcher.terminate()
            launcher.wait()
            raise


def words_for(options: argparse.Namespace) -> list[str]:
    """The words of this call without those that are for us."""
    words: list[str] = []
    left = iter(options.words)
    for word in left:
        name, _, value = word.partition("=")
        if name not in ("--gpus", "--restarts", "--comfyui", "--python"):
            words.append(word)
        elif not value:
            next(left, None)
    return words


def _check_cards(host: Host, wanted: int) -> None:
    done = subprocess.run([str(host.python), "-c", COUNT], capture_output=True, text=True, check=False)
    cards = int(done.stdout) if done.returncode == 0 else 0
    if 0 < cards < wanted:
        raise Problem(
            f"{wanted} processes are wanted, but torch sees {cards} GPU{'s' if cards > 1 else ''}.",
            f"set --gpus to {cards} at most, or --accumulation higher.",
        )
    if not cards and wanted > 1:
        say(f"torch sees no GPU: {wanted} processes share the processors.")


def _loopback() -> dict[str, str]:
    """On one machine nothing needs to be reachable from others."""
    return {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" and "GLOO_SOCKET_IFNAME" not in os.environ else {}
