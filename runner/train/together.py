"""One of several processes that train together: the prompt of `run.py train`, run by a ComfyUI inside of this process.

torchrun, `accelerate launch`, srun and `run.py train --gpus` start it; it finds its place in the environment they leave.
"""

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from ..folders import options_for
from ..places import Places
from ..problems import Problem, say
from ..setup import link
from . import headless
from .course import Course
from .model_folders import link_start, model_folders
from .prompt import CURVE, SAMPLES, TRAIN, prompt_for
from .results import hand_over, keep_log, results_of
from .seats import OUTCOME, STOPPED, Seat, card_of, complete

ON_CPU, ON_CARDS = "gloo", "cpu:gloo,cuda:nccl"


def process(places: Places, options: argparse.Namespace, seat: Seat) -> int:
    """Train as one of several processes; the exit status.

    What is wrong is found once: processes that a launcher starts again would find the same. So where there is a file for
    the outcome the status stands there and this ends with 0; whatever ends a process otherwise is to be tried again.
    """
    outcome = Path(os.environ[OUTCOME]) if OUTCOME in os.environ else None
    if outcome is not None and outcome.is_file():
        return 0
    try:
        status = _joined(places, options, seat)
    except headless.Lost:
        raise
    except Problem as problem:
        if outcome is None:
            raise
        if _is_first_to_tell(outcome, 1):
            print(f"\n{problem}", file=sys.stderr, flush=True)
        return 0
    if outcome is not None:
        _is_first_to_tell(outcome, status)
    return 0


def _is_first_to_tell(outcome: Path, status: int) -> bool:
    """Write how it ended, unless another process has."""
    try:
        with outcome.open("x", encoding="utf-8") as file:
            json.dump({"status": status}, file)
    except FileExistsError:
        return False
    return True


def _joined(places: Places, options: argparse.Namespace, seat: Seat) -> int:
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
        _check_alike(torch.distributed, seat, on_cpu)
        if seat.local == 0:
            link(places, miniature=not options.base_model)
            link_start(places, options.start_from)
        torch.distributed.barrier()
        headless.begin(tree, places.base, _host_options(places, options, seat), on_cpu)
        return trained(places, options, seat)
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


def _check_alike(group: ModuleType, seat: Seat, on_cpu: bool) -> None:
    """Raise Problem in all of them when some have a GPU and some have none."""
    found: list[bool] = [False] * seat.count
    group.all_gather_object(found, on_cpu)
    without = [str(rank) for rank, is_without in enumerate(found) if is_without]
    if 0 < len(without) < seat.count:
        raise Problem(
            f"{len(without)} of {seat.count} processes have no GPU, number {', '.join(without)}.",
            "start as many processes on each machine as it has GPUs.",
        )


def _host_options(places: Places, options: argparse.Namespace, seat: Seat) -> Sequence[str]:
    """ComfyUI's options: it finds the pictures below its input, and the models where they are."""
    file = places.work / f"model-folders-{seat.rank}.yaml"
    return ["--input-directory", str(_inputs(options)), *options_for(model_folders(places, options), file)]


def _inputs(options: argparse.Namespace) -> Path:
    return options.pictures.resolve().parent


def trained(places: Places, options: argparse.Namespace, seat: Seat) -> int:
    """Run the training in this process, which is a ComfyUI; 0 or STOPPED. Only the first process writes and tells."""
    prompt = prompt_for(options, options.pictures.resolve().name)
    if not seat.first:
        prompt = {name: node for name, node in prompt.items() if name not in (CURVE, SAMPLES)}
    asked = headless.of_pack("attention.training.processes").ASKED_TO_STOP
    for name in ("SIGTERM", "SIGINT", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: asked.set())
    course = Course(sys.stdout, options.steps)
    try:
        outputs = headless.run(prompt, course.step if seat.first else lambda *_: None)
    except headless.Stopped:
        if seat.first:
            keep_log(places, options)
            say("Stopped; the state of the training is kept. The same command resumes it.")
        return STOPPED
    if seat.first:
        _show(places, options, outputs, prompt[TRAIN]["inputs"]["look_every"])
    return 0


def _show(places: Places, options: argparse.Namespace, outputs: headless.Outputs, look_every: int) -> None:
    """Leave the report, the pictures and the files where `run.py train` leaves them."""
    results = results_of(places, options)
    print("", outputs[TRAIN]["text"][0], "", sep="\n", flush=True)

    def copy(image: dict[str, str], name: str) -> None:
        shutil.copy2(places.base / "output" / image["subfolder"] / image["filename"], results / name)

    copy(outputs[CURVE]["images"][0], "loss.png")
    if look_every <= options.steps:  # otherwise the node hands on the curve
        for number, image in enumerate(outputs[SAMPLES]["images"]):
            copy(image, f"sample-{number + 1:02}.png")
    keep_log(places, options)
    hand_over(places, options)
