"""The name of a template, without its Chinese words -> its thumbnail: what goes in, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pack.face.colours import of_person

from runner.demo.world import cells

from .made import FRAMES, Act, drawn, frames, made, person
from .paper import Bar, File, Head, Part, Picture, Text, Thumbnail

THING, STAR = "a thing", "a star"
FRONT, LEFT, RIGHT, UP = (0.0, 0.0, -6.0), (-38.0, 4.0, 5.0), (38.0, 4.0, -5.0), (8.0, 26.0, 0.0)
STYLE, COMPOSITION = cells.STYLE, cells.COMPOSITION
"""Factors of the world's blocks that carry style and composition (bench/README.md)."""


def shapes(*names: str) -> list[Part]:
    return [Picture(drawn(name)) for name in names]


def people(*names: str) -> list[Part]:
    return [Picture(person(name)) for name in names]


def out(*acts: Act, text: str = THING) -> list[Part]:
    return [Picture(made(acts, text))]


def prompted(reference: str, text: str, *acts: Act) -> Thumbnail:
    """A reference and a prompt, and the picture."""
    return Thumbnail([*shapes(reference), Text(text)], out(*acts, text=text))


def head(turn: tuple[float, float, float] = LEFT, place: int = 0, ground: str = "#2c3350") -> Head:
    return Head(turn, of_person(place), ground)


def sheet() -> Thumbnail:
    return Thumbnail(people("P"), [head(turn) for turn in (FRONT, LEFT, RIGHT, UP)], columns=2)


def strip(first: Sequence[Part], pictures: Sequence[Part]) -> Thumbnail:
    return Thumbnail(first, pictures, columns=2)


def animation() -> Thumbnail:
    weights = [step / (FRAMES - 1) for step in range(FRAMES)]
    rows = [(Act("A", 1.0 - weight), Act("B", weight)) for weight in weights]
    return strip(shapes("A", "B"), [Picture(each) for each in frames(rows, THING)])


def let_go() -> Thumbnail:
    weights = (1.0, 0.6, 0.3, 0.0)
    return strip(shapes("B"), [Picture(each) for each in frames([(Act("B", weight),) for weight in weights], THING)])


@dataclass(frozen=True)
class Portrait:
    """A photo of a person, and the head in a new pose."""

    name: str
    turn: tuple[float, float, float]
    place: int = 0
    ground: str = "#2c3350"

    def __call__(self) -> Thumbnail:
        return Thumbnail(people(self.name), [head(self.turn, self.place, self.ground)])


ROWS: Mapping[str, Callable[[], Thumbnail]] = {
    "IP-Adapter 1 picture prompt": lambda: prompted("A", THING, Act("A", 1.0)),
    "IP-Adapter 2 style transfer": lambda: prompted("A", STAR, Act("A", 1.0, STYLE)),
    "IP-Adapter 3 composition": lambda: prompted("C", THING, Act("C", 1.0, COMPOSITION)),
    "IP-Adapter 4 style and composition": lambda: Thumbnail(
        [Picture(drawn("A"), "style"), Picture(drawn("C"), "composition")],
        out(Act("A", 1.0, STYLE), Act("C", 1.0, COMPOSITION)),
    ),
    "IP-Adapter 5 two regions": lambda: Thumbnail(
        [Picture(drawn("B"), "left"), Picture(drawn("A"), "right")],
        out(Act("B", 1.5, side="left"), Act("A", 1.5, side="right")),
    ),
    "IP-Adapter 6 negative picture": lambda: Thumbnail(
        [Picture(drawn("A"), "towards"), Picture(drawn("C"), "away from")], out(Act("A", 1.0, away="C"))
    ),
    "IP-Adapter 7 animation": animation,
    "IP-Adapter 8 embeds, save": lambda: Thumbnail(shapes("B"), [File("reference .likeness .safetensors")]),
    "IP-Adapter 9 embeds, load": lambda: Thumbnail([File("reference .likeness")], out(Act("B", 1.0))),
    "IP-Adapter on FLUX": lambda: Thumbnail([*shapes("B"), Text(THING)], out(Act("B", 1.0))),
    "IP-Adapter on FLUX, InstantX": lambda: Thumbnail([*shapes("C"), Text(THING)], out(Act("C", 1.0))),
    "IP-Adapter on SD3.5": lambda: Thumbnail([*shapes("A"), Text(STAR)], out(Act("A", 1.0), text=STAR)),
    "IP-Adapter training": lambda: Thumbnail(shapes("A", "B", "C"), [File("your own adapter")]),
    "Face 1 InstantID portrait face swap": Portrait("P", LEFT),
    "Face 2 InstantID sheet of poses": sheet,
    "Face 3 InstantID two people": lambda: Thumbnail(people("P", "Q"), [head(RIGHT, 0), head(LEFT, 1)], columns=2),
    "Face 4 InstantID, style, depth, LoRA": lambda: Thumbnail(
        [*people("P"), *shapes("A"), File("depth map, LoRA")], [head(LEFT, 0, "#7a2f2f")]
    ),
    "Face 5 PuLID portrait": Portrait("Q", RIGHT, 1, "#3a2c50"),
    "Face 6 FaceID portrait": Portrait("Q", FRONT, 2, "#24463f"),
    "Face 7 FaceID, several photos": lambda: Thumbnail(
        [Picture(person("P", seed)) for seed in (11, 13, 15)], [head(FRONT, 0, "#24463f")]
    ),
    "Face 8 save faces": lambda: Thumbnail(people("P"), [File("person .faces .safetensors")]),
    "Face 9 load faces": lambda: Thumbnail([File("person .faces")], [head(RIGHT)]),
    "Face EcomID portrait": Portrait("Q", LEFT, 3, "#5a3a24"),
    "Face InfiniteYou on FLUX": Portrait("P", UP, 2, "#2c4a50"),
    "Face likeness, which method for whom": lambda: Thumbnail(
        people("P"), [head(turn, place) for place, turn in enumerate((FRONT, LEFT, RIGHT, UP))], columns=2
    ),
    "Face likeness, compare two": lambda: Thumbnail([Picture(person("P", 12)), *people("P")], [Bar(0.72)]),
    "References on FLUX Kontext": lambda: Thumbnail(
        [Picture(drawn("C"), "left"), Picture(drawn("B"), "right")],
        out(Act("C", 1.5, side="left"), Act("B", 1.5, side="right")),
    ),
    "Wan, let go of the first frame": let_go,
}
