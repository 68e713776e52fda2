"""The table of pictures on the demonstration sheet."""

from collections.abc import Mapping
from dataclasses import dataclass, field

QUIET = "best quality, high quality"
SCENE = "a watercolour of a person on a beach at sunset, wearing a straw hat, best quality, high quality"
UNTOUCHED = "no node of the pack"
NEGATIVE = "monochrome, lowres, bad anatomy, worst quality, low quality"


@dataclass(frozen=True)
class Identity:
    """The people of a picture of InstantID's part: by photograph, none for the plain model.

    `strength` is that of branch and IdentityNet. `pose` is what Render Keypoints does to the points, shifts being parts
    of the picture's side. Without `paint` the picture is that of the points.
    """

    people: tuple[str, ...] = ("a",)
    strength: float = 0.8
    pose: Mapping[str, float] = field(default_factory=dict)
    paint: bool = True


@dataclass(frozen=True)
class Cell:
    """One picture: which photographs steer it at which weight, or whose faces, and the picture it is compared with."""

    name: str
    title: str
    text: str = QUIET
    steers: tuple[tuple[str, float], ...] = ()
    identity: Identity | None = None
    against: str = "plain"  # empty: nothing, then `note` stands below the picture
    note: str = ""
    must_equal: bool = False
    beside: str = ""  # a second picture to be compared with
    named: str = ""  # what a comparison calls it; empty: its title


CELLS = (
    Cell("plain", "Plain model", against="", note=UNTOUCHED),
    Cell("weight-0", "Weight 0", steers=(("a", 0.0),), must_equal=True),
    *(
        Cell(f"weight-{weight}", f"Weight {weight}", steers=(("a", weight),), named=f"A at weight {weight:g}")
        for weight in (0.25, 0.5, 1.0, 1.5)
    ),
    Cell("text-alone", "Text alone", text=SCENE, against="", note="the same text without a picture"),
    Cell("text-and-image", "Text + A at weight 1", text=SCENE, steers=(("a", 1.0),), against="text-alone"),
    Cell("second-reference", "B at weight 1", steers=(("b", 1.0),), beside="weight-1.0"),
    Cell("two-references", "A at 0.5 + B at 0.5", steers=(("a", 0.5), ("b", 0.5)), beside="weight-1.0"),
)

UPRIGHT = {"scale": 1.6, "shift_y": 0.1}
TILTED = {"rotation": -25.0, "scale": 2.4, "shift_y": 0.1}
MIRRORED = {"mirror": True, "shift_x": 0.2, "shift_y": 0.25}


def _held(name: str, title: str, identity: Identity, beside: str = "") -> Cell:
    """A picture with InstantID, compared with the plain model of its part."""
    zero = identity.strength == 0
    return Cell(name, title, identity=identity, against="plain-sdxl", must_equal=zero, beside=beside)


POINTS_NOTE = "as IdentityNet is shown them"
IDENTITY_CELLS = (
    Cell("faces", "Their points", identity=Identity(people=("group",), paint=False), against="", note=POINTS_NOTE),
    Cell("plain-sdxl", "Plain SDXL model", identity=Identity(people=()), against="", note=UNTOUCHED),
    _held("instantid-0", "InstantID of A at 0", Identity(strength=0, pose=UPRIGHT)),
    _held("pose-upright", "A, upright", Identity(pose=UPRIGHT)),
    _held("pose-tilted", "A, tilted and closer", Identity(pose=TILTED), beside="pose-upright"),
    _held("pose-mirrored", "A, mirrored, lower right", Identity(pose=MIRRORED), beside="pose-upright"),
    _held("two-people", "A left, B right", Identity(people=("a", "b")), beside="pose-upright"),
)
