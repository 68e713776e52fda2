"""The table of pictures on the sheet of the miniature world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ANY, STAR = "a thing", "a star"
STYLE, COMPOSITION = "9:1", "7:1"
"""Factors for Layer Weights; which block carries what is measured in bench/README.md."""
TOGETHER = 1.5
"""The weights of two references together, where one goes over into the other."""


@dataclass(frozen=True)
class Steer:
    """A drawn reference that acts as a prompt; `layers` is a preset or what one writes in Layer Weights, `side` the half
    of the picture it is held to."""

    reference: str
    weight: float = 1.0
    layers: str = "linear"
    fusion: str = "add"
    side: str = ""


@dataclass(frozen=True)
class Cell:
    """One picture. `drawn` is a picture of the drawing program itself, by the name of a reference."""

    name: str
    title: str
    note: str = ""
    drawn: str = ""
    text: str = ANY
    steers: Sequence[Steer] = ()
    equals: str = ""  # the picture that it must be bit-identical to

    @property
    def is_wide(self) -> bool:
        """Whether it is two squares side by side."""
        return any(steer.side for steer in self.steers)


@dataclass(frozen=True)
class Row:
    """What the pack promises, what is said to it, and the pictures that show it."""

    promise: str
    says: str
    cells: Sequence[Cell]


SHAPES: Mapping[str, Mapping[str, object]] = {
    "A": {"colour": "red", "texture": "checked", "shape": "square", "position": "middle", "background": "sand"},
    "B": {"colour": "green", "texture": "striped", "shape": "circle", "position": "right", "background": "navy"},
}


def _reference(name: str) -> Cell:
    told = SHAPES[name]
    return Cell(f"reference-{name}", f"Reference {name}", f"{told['colour']} {told['texture']} {told['shape']}", name)


def _weights(reference: str, *weights: float) -> tuple[Cell, ...]:
    return tuple(
        Cell(f"{reference}-{weight:g}", f"{reference} at weight {weight:g}", steers=(Steer(reference, weight),))
        for weight in weights
    )


def _in_layers(name: str, title: str, *steers: Steer) -> Cell:
    blocks = " and ".join(each.layers.removesuffix(":1") for each in steers)
    return Cell(name, title, f"block {blocks} only", steers=steers)


def _between(first: str, second: str, *shares: float) -> tuple[Cell, ...]:
    return tuple(
        Cell(
            f"{first}-to-{second}-{share:g}",
            f"{first} {1 - share:.0%}, {second} {share:.0%}",
            steers=(Steer(first, TOGETHER * (1 - share)), Steer(second, TOGETHER * share)),
        )
        for share in shares
    )


def _with_text(name: str, title: str, steer: Steer) -> Cell:
    return Cell(name, title, text=STAR, steers=(steer,))


def _regions(left: str, right: str) -> Cell:
    steers = (Steer(left, 1.5, side="left"), Steer(right, 1.5, side="right"))
    title = f"{left} on the left, {right} on the right, at weight 1.5"
    return Cell(f"{left}-beside-{right}", title, f"'{ANY}' in each half", steers=steers)


PLAIN = Cell("plain", "Plain model", "no node of the pack")

ROWS: Sequence[Row] = (
    Row(
        "The weight says how much of a picture comes along",
        f"The text says only '{ANY}'; the seed is the same everywhere.",
        (
            _reference("A"),
            PLAIN,
            Cell("A-0", "A at weight 0", steers=(Steer("A", 0.0),), equals="plain"),
            *_weights("A", 0.5, 1.0, 1.5),
        ),
    ),
    Row(
        "Style from one picture, composition from another",
        "Each reference acts in the block that carries what is wanted of it: A gives colours and ground, B the place.",
        (
            PLAIN,
            _reference("A"),
            _in_layers("A-style", "A, style alone", Steer("A", 1.0, STYLE)),
            _reference("B"),
            _in_layers("B-composition", "B, composition alone", Steer("B", 1.5, COMPOSITION)),
            _in_layers("A-in-B", "Style of A, composition of B", Steer("A", 1.0, STYLE), Steer("B", 1.5, COMPOSITION)),
        ),
    ),
    Row(
        "The text says what, the picture says how",
        f"The text says '{STAR}'.",
        (
            _reference("A"),
            Cell("star", "Text alone", text=STAR),
            _with_text("star-0.5", "Text + A at weight 0.5", Steer("A", 0.5)),
            _with_text("star-1", "Text + A at weight 1", Steer("A")),
            _with_text("star-style", "A, style alone", Steer("A", 1.0, STYLE)),
            _with_text("star-orthogonal", "A, fusion orthogonal", Steer("A", 1.0, "linear", "orthogonal")),
        ),
    ),
    Row(
        "A picture of its own for each region",
        "One picture of two squares.",
        (_reference("A"), _reference("B"), _regions("A", "B"), _regions("B", "A")),
    ),
    Row(
        "From one picture to the next, with the noise held",
        f"Both references at once; their weights are {TOGETHER:g} together.",
        _between("A", "B", 0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    ),
)
CELLS: Sequence[Cell] = tuple({cell.name: cell for row in ROWS for cell in row.cells}.values())
