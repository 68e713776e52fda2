"""Draws many pictures of the world from a seed: what models are trained on and measured with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
import torch
from torch import Tensor

from .faces import IDENTITY, Identity, Pose, any_identity, any_pose, caption_face, draw_face
from .shapes import ATTRIBUTES, Shape, any_shape, caption_shape, draw_shape

TELLS = 0.65  # how often a caption tells an attribute


@dataclass(frozen=True)
class Drawn:
    """A drawn picture (64, 64, 3), 8 bit, with everything that was decided about it."""

    pixels: numpy.ndarray
    caption: str
    shape: Shape | None = None
    identity: Identity | None = None
    pose: Pose | None = None


def some(random: numpy.random.Generator, names: Sequence[str], tells: float = TELLS) -> frozenset[str]:
    """Each name with the chance `tells`."""
    return frozenset(name for name in names if random.random() < tells)


def draw_shapes(seed: int, count: int) -> list[Drawn]:
    """Pictures of shapes."""
    random = numpy.random.default_rng([seed, 1])
    drawn = []
    for _ in range(count):
        shape = any_shape(random)
        drawn.append(Drawn(draw_shape(shape), caption_shape(shape, some(random, tuple(ATTRIBUTES))), shape=shape))
    return drawn


def identities(seed: int, count: int) -> list[Identity]:
    """People, each of whom looks like no other in every attribute with a name."""
    random = numpy.random.default_rng([seed, 2])
    found: dict[tuple[str, ...], Identity] = {}
    while len(found) < count:
        identity = any_identity(random)
        found.setdefault(tuple(getattr(identity, name) for name in IDENTITY), identity)
    return list(found.values())


def draw_faces(seed: int, count: int, people: Sequence[Identity]) -> list[Drawn]:
    """Pictures of people, each in turn."""
    random = numpy.random.default_rng([seed, 3])
    drawn = []
    for number in range(count):
        identity, pose = people[number % len(people)], any_pose(random)
        caption = caption_face(pose, some(random, ("expression", "background")))
        drawn.append(Drawn(draw_face(identity, pose), caption, identity=identity, pose=pose))
    return drawn


def as_images(drawn: Sequence[Drawn]) -> Tensor:
    """The host's IMAGE (n, 64, 64, 3), 0..1."""
    return torch.from_numpy(numpy.stack([each.pixels for each in drawn])).float() / 255
