"""Trains on a running server: a bar while it goes, then the report, the loss curve and the sample pictures."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

import aiohttp

from ..client import Comfy, Prompt
from ..problems import Problem, say
from .course import Course
from .prompt import CURVE, SAMPLES, TRAIN


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
