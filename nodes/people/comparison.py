"""Pictures of several methods, judged -> rows of a table, their means, and the same as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ...attention.adapter.variants import VARIANTS
from ...face.similarity import copy_paste, cosine
from ...face.value import Face

MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "similarity": "likeness",
        "truth_similarity": "other photo",
        "copy_paste": "copy-paste",
        "text_similarity": "text",
        "plain_similarity": "as without",
    }
)
"""What is measured, in the order of the columns: its name in the file, and in the table."""
LESS_IS_BETTER = frozenset({"copy_paste"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet computes a cell that begins so


@dataclass(frozen=True)
class Judged:
    """One picture of a method: its place among these (from 1), the face that was judged, how many there are, what was
    measured by the names of MEASURES."""

    picture: int
    face: Face | None
    faces: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Method:
    """The pictures of one method."""

    label: str
    judged: tuple[Judged, ...]

    @property
    def without_face(self) -> int:
        return sum(each.face is None for each in self.judged)

    @property
    def means(self) -> dict[str, float]:
        """Over the pictures that have the value: one without a face has no likeness."""
        held = {name: [each.values[name] for each in self.judged if name in each.values] for name in MEASURES}
        return {name: sum(values) / len(values) for name, values in held.items() if values}


def of_face(face: Face, reference: Face, truth: Face | None) -> dict[str, float]:
    """What is measured of a face. The copy-paste measure is that of MultiID-Bench, arXiv 2510.14975.

    Raises as `face.embed.embeddings` does: no embedding, or different recognisers.
    """
    found = {"similarity": cosine(face, reference)}
    if truth is None:
        return found
    found["truth_similarity"] = cosine(face, truth)
    if not is_same_photo(reference, truth):  # of which there is no distance to measure by
        found["copy_paste"] = copy_paste(face, reference, truth)
    return found


def is_same_photo(reference: Face, truth: Face) -> bool:
    return cosine(reference, truth) > 1 - 1e-6


def measured(methods: Sequence[Method]) -> list[str]:
    """The columns that some method has a value in."""
    return [name for name in MEASURES if any(name in method.means for method in methods)]


def best(methods: Sequence[Method], name: str) -> float | None:
    """The best mean of a column, where there are several to choose from."""
    found = [method.means[name] for method in methods if name in method.means]
    return (min if name in LESS_IS_BETTER else max)(found) if len(found) > 1 else None


def as_markdown(methods: Sequence[Method]) -> str:
    """A table of the means; the best of a column is bold."""
    columns = measured(methods)
    heads = ["method", *(MEASURES[name] for name in columns), "no face"]
    lines = [heads, ["---"] * len(heads)]
    for method in methods:
        means = method.means
        cells = [_cell(means.get(name), best(methods, name)) for name in columns]
        lines.append([method.label.replace("|", "/"), *cells, f"{method.without_face} of {len(method.judged)}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_csv(methods: Sequence[Method], about: Mapping[str, str]) -> str:
    """A line for each picture, with what `about` says of all of them at its end; a value that is missing is empty."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["method", "picture", "faces", *MEASURES, *about])
    said = [_harmless(each) for each in about.values()]
    for method in methods:
        for each in method.judged:
            values = [f"{each.values[name]:.6f}" if name in each.values else "" for name in MEASURES]
            table.writerow([_harmless(method.label), each.picture, each.faces, *values, *said])
    return text.getvalue()


def caution(recogniser: str | None) -> str:
    """Which methods are steered by the recogniser that judges them."""
    methods = [variant.label for variant in VARIANTS if variant.recogniser == recogniser]
    if not methods:
        return f"measured with {recogniser}"
    return (
        f"measured with {recogniser}, which steers {', '.join(methods)}: a picture made so scores too well here; "
        "judge it with another pack"
    )


def _cell(value: float | None, most: float | None) -> str:
    if value is None:
        return ""
    return f"**{value:.3f}**" if value == most else f"{value:.3f}"


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
