"""Runs the examples on a server: every picture they save, and for each that cannot run the reason in a sentence."""

import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from ...client import Comfy, Outputs
from ...problems import Problem
from ...progress import Progress
from ..nodes import Prompt
from .prompts import PRESETS, Example, Models, at_weight, fitted, plain

STEPS = 30  # of an example, for the bar
PLAIN = "plain"
WEIGHTS = (0.0, 0.5, 1.0, 1.5)
WEIGHED = "IP-Adapter 1 picture prompt"
"""The example that is drawn at several weights too."""


@dataclass
class Drawn:
    """Pictures by the example they are of, those of WEIGHED by weight, and why examples were left out."""

    pictures: dict[str, list[Image.Image]] = field(default_factory=dict)
    weights: dict[str, Image.Image] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass
class Drawer:
    """Draws on one server; `preset` is what loads the examples' adapter, once it is known for a base model."""

    comfy: Comfy
    models: Models
    uploaded: Mapping[str, str]
    progress: Progress
    preset: dict[str, str] = field(default_factory=dict)

    async def example(self, example: Example) -> tuple[Prompt, list[Image.Image]]:
        """The prompt that ran and the pictures it saved. Raises Problem when it cannot run."""
        known = self.preset.get(example.family)
        own = not example.nodes("LikenessLoadIPAdapter")
        refused: Problem | None = None
        for preset in (known,) if known else PRESETS[: 1 if own else None]:
            prompt = fitted(example, self.models, self.uploaded, preset)
            try:
                pictures = await self.pictures(example.name, prompt)
            except Problem as problem:
                if "(LikenessLoadByPreset)" not in problem.what:
                    raise
                refused = refused or problem  # the first one names what the example is written for
            else:
                if not own:
                    self.preset[example.family] = preset
                return prompt, pictures
        assert refused
        raise refused

    async def pictures(self, title: str, prompt: Prompt) -> list[Image.Image]:
        """What a prompt saves."""
        outputs = await self.comfy.run(prompt, lambda done, total: self.progress.step(title, done, total))
        return [await self._picture(outputs, *place) for place in saved(outputs)]

    async def _picture(self, outputs: Outputs, node: str, number: int) -> Image.Image:
        return Image.open(io.BytesIO(await self.comfy.picture(outputs, node, number))).convert("RGB")


def saved(outputs: Outputs) -> list[tuple[str, int]]:
    """The nodes that saved pictures, and the number of each; previews are not saved."""
    return [
        (node, number)
        for node, output in outputs.items()
        for number, image in enumerate(output.get("images", ()))
        if image["type"] == "output"
    ]


async def draw(comfy: Comfy, examples: Sequence[Example], models: Models, uploaded: Mapping[str, str]) -> Drawn:
    """Run every example, and WEIGHED at several weights and without the pack."""
    drawn = Drawn()
    drawer = Drawer(comfy, models, uploaded, Progress(sys.stdout, len(examples), STEPS))
    for example in examples:
        try:
            prompt, pictures = await drawer.example(example)
            if pictures:
                drawn.pictures[example.name] = pictures
            if example.name == WEIGHED:
                drawn.weights = await _weighed(drawer, prompt)
        except Problem as problem:
            drawn.left_out[example.name] = " ".join(problem.what.split())
        drawer.progress.picture(example.name)
    return drawn


async def _weighed(drawer: Drawer, prompt: Prompt) -> dict[str, Image.Image]:
    prompts = {PLAIN: plain(prompt), **{f"{weight:g}": at_weight(prompt, weight) for weight in WEIGHTS}}
    return {name: (await drawer.pictures(WEIGHED, each))[0] for name, each in prompts.items()}


def write(drawn: Drawn, folder: Path) -> None:
    """Every picture as a file."""
    named = {
        **{f"{WEIGHED}, {name}": picture for name, picture in drawn.weights.items()},
        **{
            f"{name} {number}" if len(pictures) > 1 else name: picture
            for name, pictures in drawn.pictures.items()
            for number, picture in enumerate(pictures, start=1)
        },
    }
    for name, picture in named.items():
        picture.save(folder / f"{name}.png")
