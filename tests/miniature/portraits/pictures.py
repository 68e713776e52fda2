"""Draws many pictures of people from a seed, each with its caption and everything that was decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy
from numpy import ndarray

from .head import Pose
from .identity import Colour, Identity, any_identity
from .portrait import EXPRESSIONS, Head
from .styles import STYLES

SIDE = 96
FINE = 3  # how much larger a picture is drawn before it is made smaller
TELLS = 0.75  # how often a caption tells the shirt and the background; the style and the expression it always tells
GROUNDS: Mapping[str, Colour] = {
    "white": (244, 244, 240),
    "sand": (226, 210, 140),
    "green": (150, 196, 140),
    "blue": (150, 190, 232),
    "pink": (238, 178, 190),
}
SHIRTS: Mapping[str, Colour] = {
    "red": (206, 52, 52),
    "navy": (40, 52, 112),
    "yellow": (240, 200, 60),
    "grey": (120, 124, 132),
}


@dataclass(frozen=True)
class Scene:
    """What a picture shows beside who is in it."""

    pose: Pose
    expression: str
    style: str
    ground: str
    shirt: str


@dataclass(frozen=True)
class Portrait:
    """A drawn picture (SIDE, SIDE, 3), 8 bit, and what it is of."""

    pixels: ndarray
    caption: str
    identity: Identity
    scene: Scene


def any_scene(random: numpy.random.Generator, style: str | None = None) -> Scene:
    """A scene in which the whole face is in the picture, the head at least half as high as the picture."""
    unit = float(random.uniform(18, 22))
    slack = (22 - unit) * 1.3 + 2
    yaw = float(numpy.clip(random.normal(0, 26), -52, 52))
    pose = Pose(
        centre=(
            SIDE / 2 + yaw * 0.1 + float(random.uniform(-slack, slack)),
            SIDE * 0.53 + float(random.uniform(-slack, slack)) * 0.7,
        ),
        unit=unit,
        yaw=yaw,
        pitch=float(random.uniform(-18, 18)),
        roll=float(numpy.clip(random.normal(0, 9), -22, 22)),
    )
    return Scene(
        pose,
        expression=str(random.choice(EXPRESSIONS)),
        style=style or str(random.choice(tuple(STYLES))),
        ground=str(random.choice(tuple(GROUNDS))),
        shirt=str(random.choice(tuple(SHIRTS))),
    )


def draw(identity: Identity, scene: Scene, times: int = 1) -> ndarray:
    """The picture (SIDE, SIDE, 3), 8 bit, or `times` as large."""
    pose = scene.pose
    across, down = pose.centre
    pose = replace(pose, centre=(times * across, times * down), unit=times * pose.unit)
    head = Head(identity, pose, scene.expression, times * SIDE, FINE, GROUNDS[scene.ground])
    picture = STYLES[scene.style](head.drawn(SHIRTS[scene.shirt]), FINE)
    return numpy.clip(picture + 0.5, 0, 255).astype(numpy.uint8)


def caption(scene: Scene, told: frozenset[str] = frozenset({"shirt", "ground"})) -> str:
    """The caption, which never tells who it is: "ink drawing of a smiling person, red shirt, sand background"."""
    words = [f"{scene.style}, a {scene.expression} person"]
    words += [f"{scene.shirt} shirt"] if "shirt" in told else []
    words += [f"{scene.ground} background"] if "ground" in told else []
    return ", ".join(words)


def identities(seed: int, count: int) -> list[Identity]:
    """People, no two of whom share every attribute that has a name."""
    random = numpy.random.default_rng([seed, 4])
    found: dict[tuple[str, ...], Identity] = {}
    while len(found) < count:
        identity = any_identity(random)
        found.setdefault(identity.named, identity)
    return list(found.values())


def scenes(seed: int, count: int, style: str | None = None) -> list[tuple[Scene, frozenset[str]]]:
    """Scenes of one style or of all, each with what its caption tells of shirt and background."""
    random = numpy.random.default_rng([seed, 5])
    made = []
    for _ in range(count):
        scene = any_scene(random, style)
        made.append((scene, frozenset(name for name in ("shirt", "ground") if random.random() < TELLS)))
    return made


def portraits(seed: int, count: int, people: Sequence[Identity], style: str | None = None) -> list[Portrait]:
    """Pictures of people, each in turn; of one style, or of all."""
    drawn = []
    for number, (scene, told) in enumerate(scenes(seed, count, style)):
        identity = people[number % len(people)]
        drawn.append(Portrait(draw(identity, scene), caption(scene, told), identity, scene))
    return drawn
