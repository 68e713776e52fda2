"""The table of pictures on the demonstration sheet."""

from dataclasses import dataclass

QUIET = "best quality, high quality"
SCENE = "a watercolour of a person on a beach at sunset, wearing a straw hat, best quality, high quality"
NEGATIVE = "monochrome, lowres, bad anatomy, worst quality, low quality"


@dataclass(frozen=True)
class Cell:
    """One picture: which photographs steer it at which weight, and the picture it is compared with."""

    name: str
    title: str
    text: str = QUIET
    steers: tuple[tuple[str, float], ...] = ()
    against: str = "plain"
    must_equal: bool = False
    beside: str = ""  # a second picture to be compared with


CELLS = (
    Cell("plain", "Plain model", against=""),
    Cell("weight-0", "Weight 0", steers=(("a", 0.0),), must_equal=True),
    *(Cell(f"weight-{weight}", f"Weight {weight}", steers=(("a", weight),)) for weight in (0.25, 0.5, 1.0, 1.5)),
    Cell("text-alone", "Text alone", text=SCENE, against=""),
    Cell("text-and-image", "Text + A at weight 1", text=SCENE, steers=(("a", 1.0),), against="text-alone"),
    Cell("second-reference", "B at weight 1", steers=(("b", 1.0),), beside="weight-1.0"),
    Cell("two-references", "A at 0.5 + B at 0.5", steers=(("a", 0.5), ("b", 0.5)), beside="weight-1.0"),
)
