"""One of several processes that work together, each with a ComfyUI inside of it.

torchrun, `accelerate launch`, srun and `--gpus` start it; it finds its place in the environment they leave.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any

from ..folders import options_for
from ..places import Places
from ..problems import Problem
from ..setup import link
from . import headless
from .model_folders import link_starts, model_folders
from .seats import OUTCOME, STOPPED, Seat, card_of, complete

ON_CPU, ON_CARDS = "gloo", "cpu:gloo,cuda:nccl"


@dataclass(frozen=True)
class Work:
    """What several processes do together: options of the ComfyUI in each, and what runs in it, which gives 0 or STOPPED or
    what the command is to end with."""

    host_options: Callable[[argparse.Namespace], Sequence[str]]
    run: Callable[[Places, argparse.Namespace, Seat], int]


def process(places: Places, options: argparse.Namespace, seat: Seat, work: Work) -> int:
    """Do some work as one of several processes; the exit status.

    What is wrong is found once: processes that a launcher starts again would find the same. So where there is a file for
    the outcome the status stands there and this ends with 0; whatever ends a process otherwise is to be tried again.
    """
    outcome = Path(os.environ[OUTCOME]) if OUTCOME in os.environ else None
    if outcome is not None and outcome.is_file():
        return 0
    try:
        status = _status_of(places, options, seat, work)
    except headless.Lost:
        raise
    except Problem as problem:
        if outcome is None:
            raise
        if _is_first_to_tell(outcome, 1):
            print(f"\n{problem}", file=sys.stderr, flush=True)
        return 0
    if outcome is not None:
        if status or seat.first:  # the others know nothing of what went well
            _is_first_to_tell(outcome, status)
        return 0
    return 0 if status == STOPPED else status


def _status_of(places: Places, options: argparse.Namespace, seat: Seat, work: Work) -> int:
    try:
        return _joined(places, options, seat, work)
    except KeyboardInterrupt:  # before signals are listened for
        return STOPPED


def _is_first_to_tell(outcome: Path, status: int) -> bool:
    """Write how it ended, unless another process has."""
    try:
        with outcome.open("x", encoding="utf-8") as file:
            json.dump({"status": status}, file)
    except FileExistsError:
        return False
    return True


def _joined(places: Places, options: argparse.Namespace, seat: Seat, work: Work) -> int:
    tree = (options.comfyui or places.comfyui).resolve()
    if not (tree / "main.py").is_file():
        raise Problem(
            f"{tree} is not a ComfyUI: it has no main.py.",
            "give --comfyui the folder that contains main.py, or run `python run.py train` once without a launcher, which "
            "puts one there.",
        )
    complete(os.environ, seat)
    os.environ["CUDA_VISIBLE_DEVICES"] = card_of(os.environ, seat.local)
    os.environ.update(headless.ONE_THREAD)
    torch = _torch()
    on_cpu = not torch.cuda.is_available()
    torch.distributed.init_process_group(ON_CPU if on_cpu else ON_CARDS, rank=seat.rank, world_size=seat.count)
    try:
        _check_alike(seat, on_cpu)
        if seat.local == 0:
            link(places, miniature=not options.base_model)
            link_starts(places, options)
        torch.distributed.barrier()
        models = options_for(model_folders(places, options), places.work / f"model-folders-{seat.rank}.yaml")
        headless.begin(tree, places.base, [*work.host_options(options), *models], on_cpu)
        _listen_for_signals()
        return work.run(places, options, seat)
    finally:
        torch.distributed.destroy_process_group()


def _torch() -> ModuleType:
    try:
        import torch
        import torch.distributed
    except ImportError as error:
        raise Problem(
            f"{sys.executable} has no torch ({error}).", "start it with the Python that ComfyUI runs with."
        ) from error
    return torch


def everywhere(seat: Seat, own: object) -> list[Any]:
    """What each process has, the first's first."""
    from torch import distributed

    found: list[Any] = [None] * seat.count
    distributed.all_gather_object(found, own)
    return found


def _check_alike(seat: Seat, on_cpu: bool) -> None:
    """Raise Problem in all of them when some have a GPU and some have none."""
    found = everywhere(seat, on_cpu)
    without = [str(rank) for rank, is_without in enumerate(found) if is_without]
    if 0 < len(without) < seat.count:
        raise Problem(
            f"{len(without)} of {seat.count} processes have no GPU, number {', '.join(without)}.",
            "start as many processes on each machine as it has GPUs.",
        )


def asked_to_stop() -> bool:
    """Whether this process was told to stop."""
    return _asked().is_set()


def _asked() -> Event:
    return headless.of_pack("attention.training.processes").ASKED_TO_STOP


def _listen_for_signals() -> None:
    asked = _asked()
    for name in ("SIGTERM", "SIGINT", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: asked.set())
