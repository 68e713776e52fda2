"""Who a drawn person is: what stays the same in every picture, whatever the pose, the style and the clothes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy

Colour = tuple[int, int, int]

SKINS: Mapping[str, Colour] = {
    "porcelain": (252, 226, 208),
    "peach": (240, 196, 160),
    "olive": (212, 164, 112),
    "brown": (160, 106, 68),
    "dark": (98, 62, 44),
}
HAIRS: Mapping[str, Colour] = {
    "black": (34, 30, 34),
    "brown": (104, 62, 34),
    "auburn": (172, 64, 28),
    "blond": (236, 196, 84),
    "grey": (176, 178, 186),
    "teal": (32, 150, 160),
}
CUTS = ("bald", "short", "parted", "fringe", "long", "curls", "bun", "crest")
EYES: Mapping[str, Colour] = {"dark": (58, 34, 22), "blue": (44, 116, 226), "green": (46, 150, 78)}
BEARDS = ("none", "moustache", "goatee", "full")
GLASSES = ("none", "round", "square")
FACES: Mapping[str, tuple[float, float]] = {"narrow": (0.9, 0.92), "round": (1.06, 1.1), "square": (1.0, 1.22)}
"""How wide the skull and the jaw are, in ordinary widths."""

NAMED: Mapping[str, tuple[str, ...]] = {
    "skin": tuple(SKINS),
    "hair": tuple(HAIRS),
    "cut": CUTS,
    "eyes": tuple(EYES),
    "beard": BEARDS,
    "glasses": GLASSES,
    "face": tuple(FACES),
}
"""The attributes that a judge reads from a picture."""
CHANCES: Mapping[str, tuple[float, ...]] = {"beard": (0.55, 0.15, 0.15, 0.15), "glasses": (0.6, 0.2, 0.2)}
"""How often each value of an attribute is drawn, where not all are alike."""


@dataclass(frozen=True)
class Identity:
    """Attributes that have a name, and the small ways in which two people differ who share all of those."""

    skin: str
    hair: str
    cut: str
    eyes: str
    beard: str
    glasses: str
    face: str
    brow: float  # thickness, 1 is ordinary
    frown: float  # how far the inner end of a brow is below the outer one, in distances of the eyes
    eye: float  # size of an eye, 1 is ordinary
    nose: float  # width, 1 is ordinary
    lips: float  # fullness, 1 is ordinary
    chin: float  # how much longer the jaw is than an ordinary one, in distances of the eyes
    freckles: tuple[tuple[float, float], ...]  # where on the face, right and down of the middle of the eyes

    @property
    def named(self) -> tuple[str, ...]:
        """The attributes with a name, in the order of NAMED."""
        return tuple(getattr(self, name) for name in NAMED)


def any_identity(random: numpy.random.Generator) -> Identity:
    """An identity with everything drawn at random."""
    named = {name: str(random.choice(values, p=CHANCES.get(name))) for name, values in NAMED.items()}
    return Identity(
        **named,
        brow=float(random.uniform(0.6, 1.6)),
        frown=float(random.uniform(-0.09, 0.09)),
        eye=float(random.uniform(0.88, 1.14)),
        nose=float(random.uniform(0.75, 1.4)),
        lips=float(random.uniform(0.7, 1.5)),
        chin=float(random.uniform(-0.1, 0.16)),
        freckles=_freckles(random) if random.random() < 0.3 else (),
    )


def _freckles(random: numpy.random.Generator) -> tuple[tuple[float, float], ...]:
    sides = random.uniform((0.3, 0.42), (0.82, 0.86), size=(2, 5, 2))
    return tuple((float(side * x), float(y)) for side, points in zip((-1, 1), sides, strict=True) for x, y in points)
