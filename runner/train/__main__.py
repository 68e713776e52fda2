"""Trains on a running server: a bar while it goes, then the report, the loss curve and the sample pictures."""

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import aiohttp

from ..client import Comfy, Prompt
from ..problems import Problem, say
from ..progress import bar
from .prompt import CURVE, SAMPLES, TRAIN

LINES = 10  # where the output is no terminal: so many lines for each stage


@dataclass
class Course:
    """Shows how far a training has come: a bar that moves in a terminal, a few lines elsewhere."""

    out: TextIO
    steps: int
    _told: tuple[int, int] = field(default=(0, -1), repr=False)

    def step(self, done: int, of: int) -> None:
        """`done` of `of` pictures are encoded or steps trained."""
        what = "steps trained" if of == self.steps else "pictures encoded"
        line = f"{bar(done, of)} {done} of {of} {what}"
        if self.out.isatty():
            self.out.write("\r" + line.ljust(70) + ("\n" if done == of else ""))
        elif (of, LINES * done // of) != self._told:
            self._told = of, LINES * done // of
            self.out.write(line + "\n")
        self.out.flush()


async def train(url: str, prompt: Prompt, folder: Path) -> str:
    """Run the training and save its pictures in `folder`; what the node reports.

    When it is cancelled the server is told, and has kept the state when this returns.
    """
    inputs = prompt[TRAIN]["inputs"]
    course = Course(sys.stdout, inputs["steps"])
    async with Comfy(url) as comfy:
        try:
            outputs = await comfy.run(prompt, course.step)
        except asyncio.CancelledError:
            print()
            say("Stopping; the state of the training is being saved")
            await comfy.interrupt()
            raise
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "loss.png").write_bytes(await comfy.picture(outputs, CURVE))
        if inputs["look_every"] <= inputs["steps"]:  # otherwise the node hands on the curve
            for number in range(len(outputs[SAMPLES]["images"])):
                png = await comfy.picture(outputs, SAMPLES, number)
                (folder / f"sample-{number + 1:02}.png").write_bytes(png)
    return outputs[TRAIN]["text"][0]


def main() -> int:
    """Run from the command line; the exit status."""
    form = argparse.ArgumentParser(prog="train", description=__doc__)
    form.add_argument("--server", required=True)
    form.add_argument("--prompt", type=Path, required=True)
    form.add_argument("--pictures", type=Path, required=True)
    options = form.parse_args()
    prompt = json.loads(options.prompt.read_text(encoding="utf-8"))
    try:
        print("", asyncio.run(train(options.server, prompt, options.pictures)), "", sep="\n", flush=True)
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except aiohttp.ClientError as error:
        print(f"\nThe connection to ComfyUI at {options.server} failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
