"""Tells what a picture of a person shows: the world's judge, fitted on drawn people and on how the autoencoder redraws
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from ..world.judge import SEED, UNTOLD, Judge, Lesson, shown, taught
from .head import keypoints
from .identity import NAMED, Identity
from .pictures import GROUNDS, SHIRTS, SIDE, Scene, draw, identities, scenes
from .portrait import EXPRESSIONS
from .styles import STYLES

PICTURES, PEOPLE = 4000, 800
ASKED: Mapping[str, tuple[str, ...]] = {
    "style": tuple(STYLES),
    "expression": tuple(EXPRESSIONS),
    "ground": tuple(GROUNDS),
    "shirt": tuple(SHIRTS),
}
"""What a caption can ask for."""
WITHOUT_GROUND = "ink drawing"
"""Is drawn on paper, whatever the caption says."""


def truth(shown_in: Sequence[tuple[Identity, Scene]]) -> dict[str, Tensor]:
    """The number of each picture's value of every attribute; UNTOLD where the picture does not show it."""
    told = {name: [names.index(getattr(who, name)) for who, _ in shown_in] for name, names in NAMED.items()}
    told |= {name: [names.index(getattr(scene, name)) for _, scene in shown_in] for name, names in ASKED.items()}
    for i, (who, scene) in enumerate(shown_in):
        if who.cut == "bald":
            told["hair"][i] = UNTOLD
        if scene.style == WITHOUT_GROUND:
            told["ground"][i] = UNTOLD
    return {name: torch.tensor(values) for name, values in told.items()}


def places(scenes_of: Sequence[Scene]) -> Tensor:
    """The keypoints (n, 10), in parts of the side."""
    return torch.stack([torch.from_numpy(keypoints(each.pose)).float().flatten() / SIDE for each in scenes_of])


def drawings(rows: Sequence[tuple[Identity, Scene]]) -> Tensor:
    """The host's IMAGE (n, side, side, 3), 0..1, of people in scenes."""
    return torch.from_numpy(numpy.stack([draw(who, scene) for who, scene in rows])).float() / 255


def fitted(vae: Any, folder: Path) -> Judge:
    """The judge, fitted once on people of its own and kept in `folder`."""
    torch.manual_seed(SEED)

    def lesson() -> Lesson:
        people = identities(SEED, PEOPLE)
        rows = [(people[i % PEOPLE], scene) for i, (scene, _) in enumerate(scenes(SEED, PICTURES))]
        told = {name: values.repeat(2) for name, values in truth(rows).items()}
        points = places([scene for _, scene in rows]).repeat(2, 1)
        return Lesson(shown(drawings(rows), vae), told, points)

    return taught(Judge({**NAMED, **ASKED}, SIDE), lesson, folder / "judge_people.state")
