"""The table of pictures on the sheet of the miniature world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ANY, STAR = "a thing", "a star"
STYLE, COMPOSITION = "9:1", "7:1"
"""Factors for Layer Weights; which block carries what is measured in bench/README.md."""


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
class Held:
    """A drawn person whose face is kept, with the head held as `pose` says; `side` as for Steer."""

    person: str
    pose: int
    side: str = ""


@dataclass(frozen=True)
class Cell:
    """One picture. `drawn` is a picture of the drawing program itself, by the name of a reference or a person."""

    name: str
    title: str
    note: str = ""
    drawn: str = ""
    text: str = ANY
    steers: Sequence[Steer] = ()
    held: Sequence[Held] = ()
    equals: str = ""  # the picture that it must be bit-identical to

    @property
    def is_wide(self) -> bool:
        """Whether it is two squares side by side."""
        return any(each.side for each in (*self.steers, *self.held))


SHAPES: Mapping[str, Mapping[str, object]] = {
    "A": {"colour": "red", "texture": "checked", "shape": "square", "position": "middle", "background": "sand"},
    "B": {"colour": "green", "texture": "striped", "shape": "circle", "position": "right", "background": "navy"},
    "C": {"colour": "purple", "texture": "dotted", "shape": "cross", "position": "right", "background": "sand"},
}
PEOPLE: Mapping[str, Mapping[str, object]] = {
    "P": {"person": 24, "expression": "smiling", "background": "white", "seed": 1},
    "Q": {"person": 19, "expression": "smiling", "background": "white", "seed": 2},
}
POSES = (11, 12, 13, 14, 15)
FACE = "a smiling face, sand background"


def _reference(name: str) -> Cell:
    told = SHAPES[name]
    return Cell(f"reference-{name}", f"Reference {name}", f"{told['colour']} {told['texture']} {told['shape']}", name)


def _weights(reference: str, *weights: float) -> tuple[Cell, ...]:
    return tuple(
        Cell(f"{reference}-{weight:g}", f"{reference} at weight {weight:g}", steers=(Steer(reference, weight),))
        for weight in weights
    )


def _in_layers(name: str, title: str, *layers: str) -> Cell:
    blocks = " and ".join(each.removesuffix(":1") for each in layers)
    return Cell(f"C-{name}", title, f"block {blocks} only", steers=(Steer("C", 1.0, ", ".join(layers)),))


def _with_text(name: str, title: str, steer: Steer) -> Cell:
    return Cell(name, title, text=STAR, steers=(steer,))


def _regions(left: str, right: str) -> Cell:
    steers = (Steer(left, 1.5, side="left"), Steer(right, 1.5, side="right"))
    title = f"{left} on the left, {right} on the right, at weight 1.5"
    return Cell(f"{left}-beside-{right}", title, f"'{ANY}' in each half", steers=steers)


def _together(left: str, right: str) -> Cell:
    held = (Held(left, POSES[0], "left"), Held(right, POSES[1], "right"))
    title = f"{left} on the left, {right} on the right"
    return Cell(f"{left}-beside-{right}", title, "the text in each half", text=FACE, held=held)


def _posed(person: str) -> tuple[Cell, ...]:
    return tuple(
        Cell(f"{person}-pose-{number}", f"{person}, pose {number}", "weight 1", text=FACE, held=(Held(person, pose),))
        for number, pose in enumerate(POSES, start=1)
    )


def _person(name: str) -> Cell:
    return Cell(f"person-{name}", f"Person {name}", "drawn; not trained on", name)


PLAIN = Cell("plain", "Plain model", "no node of the pack")

ROWS: Sequence[tuple[str, Sequence[Cell]]] = (
    (
        f"A picture as a prompt: the text says only '{ANY}'",
        (
            _reference("A"),
            PLAIN,
            Cell("A-0", "A at weight 0", steers=(Steer("A", 0.0),), equals="plain"),
            *_weights("A", 0.5, 1.0, 1.5),
        ),
    ),
    ("Another reference, the same seed", (_reference("B"), *_weights("B", 0.25, 0.5, 0.75, 1.0, 1.5))),
    (
        "Style alone and composition alone, by the blocks in which the reference acts",
        (
            _reference("C"),
            PLAIN,
            *_weights("C", 1.0),
            _in_layers("style", "C, style alone", STYLE),
            _in_layers("composition", "C, composition alone", COMPOSITION),
            _in_layers("both", "C, both", STYLE, COMPOSITION),
        ),
    ),
    (
        f"Text and picture together: the text says '{STAR}'",
        (
            _reference("A"),
            Cell("star", "Text alone", text=STAR),
            _with_text("star-0.5", "Text + A at weight 0.5", Steer("A", 0.5)),
            _with_text("star-1", "Text + A at weight 1", Steer("A")),
            _with_text("star-style", "A, style alone", Steer("A", 1.0, STYLE)),
            _with_text("star-orthogonal", "A, fusion orthogonal", Steer("A", 1.0, "linear", "orthogonal")),
        ),
    ),
    (
        "Two regions with a reference each, in one picture of two squares",
        (_reference("A"), _reference("B"), _regions("A", "B"), _regions("B", "A")),
    ),
    (
        "One person in five poses: in the corner, where the keypoints are",
        (_person("P"), *_posed("P")),
    ),
    ("Another person, the same keypoints and seed", (_person("Q"), *_posed("Q"))),
    (
        "Two identities side by side, a region each",
        (_person("P"), _person("Q"), _together("P", "Q"), _together("Q", "P")),
    ),
)
CELLS: Sequence[Cell] = tuple({cell.name: cell for _, cells in ROWS for cell in cells}.values())
