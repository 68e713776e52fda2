"""A process of several -> the prompt of `run.py train`, run by the ComfyUI inside of it."""

import argparse
import shutil
import sys
from collections.abc import Sequence

from ..places import Places
from ..problems import say
from . import headless
from .course import Course
from .prompt import CURVE, SAMPLES, TRAIN, prompt_for
from .results import hand_over, keep_log, results_of
from .seats import STOPPED, Seat
from .together import Work


def _host_options(options: argparse.Namespace) -> Sequence[str]:
    """The pictures are below ComfyUI's input."""
    return ["--input-directory", str(options.pictures.resolve().parent)]


def trained(places: Places, options: argparse.Namespace, seat: Seat) -> int:
    """Run the training in this process, which is a ComfyUI; 0 or STOPPED. Only the first process writes and tells."""
    if options.shard:
        headless.of_pack("attention.training.sharding").ASKED_TO_SHARD.set()
    prompt = prompt_for(options, options.pictures.resolve().name)
    if not seat.first:
        prompt = {name: node for name, node in prompt.items() if name not in (CURVE, SAMPLES)}
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


TRAINING = Work(_host_options, trained)
