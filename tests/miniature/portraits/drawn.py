"""The pictures that all of the portraits' models are trained on, drawn once into the folder of a training."""

from __future__ import annotations

from pathlib import Path

import numpy
import torch
from torch import Tensor

from ..world.base import cached
from .head import keypoints
from .identity import Identity
from .people import TRAINED, TRAINED_SEED, trained_on
from .pictures import Scene, caption, draw, scenes

PICTURES = 20 * TRAINED
PART = 500


def plan() -> list[tuple[Identity, Scene, str]]:
    """Who is in each picture, how, and its caption; the people come in turn."""
    people = trained_on()
    told = scenes(TRAINED_SEED, PICTURES)
    return [(people[i % TRAINED], scene, caption(scene, words)) for i, (scene, words) in enumerate(told)]


def pixels(folder: Path) -> Tensor:
    """The pictures (n, 96, 96, 3), 8 bit; drawn part by part, so that a stopped one goes on."""
    return torch.cat([_part(folder, first) for first in range(0, PICTURES, PART)])


def points() -> numpy.ndarray:
    """Their keypoints (n, 5, 2) in pixels."""
    return numpy.stack([keypoints(scene.pose) for _, scene, _ in plan()])


def _part(folder: Path, first: int) -> Tensor:
    def drawn() -> dict[str, Tensor]:
        rows = plan()[first : first + PART]
        return {"pixels": torch.from_numpy(numpy.stack([draw(who, scene) for who, scene, _ in rows]))}

    return cached(folder / f"pixels-{first:05d}.safetensors", drawn)["pixels"]
