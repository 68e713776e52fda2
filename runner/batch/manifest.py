"""A table of rows (CSV, JSONL, Parquet) -> rows with an id each, and what is wrong with the table."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..problems import Problem
from .addresses import Unreachable, content_of
from .faults import some

ID = "id"
PROMPT = "prompt"
"""The columns that name no node: a row's name, and the prompt that it is drawn with in place of --prompt."""


@dataclass(frozen=True)
class Row:
    """One row: its id, where it stands in the file, and its values by column; empty cells are left out."""

    id: str
    place: str
    values: Mapping[str, object]


Placed = tuple[str, Mapping[str, object]]
"""Where a row stands, and all its cells; the row's fault in place of them is under FAULT."""
FAULT = "\0fault"


def read(address: str) -> tuple[list[Row], list[str]]:
    """The rows of a manifest, local or in an object store, and its faults.

    Raises Problem for a kind of table that is not known, or that this Python cannot read.
    """
    kind = PurePosixPath(address).suffix.lower()
    if kind not in READERS:
        raise Problem(f"{address} is no manifest: '{kind}' is not one of {', '.join(READERS)}.", "give one of these.")
    try:
        content = content_of(address)
        placed = list(READERS[kind](content))
    except Unreachable as error:
        return [], [f"The manifest {error}."]
    except (ValueError, csv.Error) as error:
        return [], [f"The manifest {address} cannot be read: {error}"]
    if not placed:
        return [], [f"The manifest {address} has no row."]
    return _named(placed)


def _named(placed: Sequence[Placed]) -> tuple[list[Row], list[str]]:
    rows, faults = list[Row](), list[str]()
    places = defaultdict[str, list[str]](list)
    nameless = list[str]()
    for place, cells in placed:
        if FAULT in cells:
            faults.append(f"{place}: {cells[FAULT]}")
            continue
        name = "" if cells.get(ID) is None else str(cells[ID]).strip()
        if not name:
            nameless.append(place)
            continue
        places[name].append(place)
        rows.append(Row(name, place, {column: value for column, value in cells.items() if column != ID and _is(value)}))
    if nameless:
        faults.append(f"Without an '{ID}', which each row needs for its results: {some(nameless)}.")
    faults += [f"The id '{name}' is there {len(at)} times: {some(at)}." for name, at in places.items() if len(at) > 1]
    return rows, faults


def _is(value: object) -> bool:
    return value is not None


def _csv(content: bytes) -> Iterator[Placed]:
    """An empty cell is none: the prompt's own value stays."""
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    columns = [column.strip() for column in next(reader, [])]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise ValueError(f"it has the column '{twice[0]}' more than once.")
    for cells in reader:
        place = f"line {reader.line_num}"
        if not cells:
            continue
        if len(cells) > len(columns):
            yield place, {FAULT: f"{len(cells)} cells under {len(columns)} columns; put texts with commas in quotes."}
        else:
            yield place, {column: cell for column, cell in zip(columns, cells, strict=False) if cell and column}


def _jsonl(content: bytes) -> Iterator[Placed]:
    for number, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        if line.strip():
            yield f"line {number}", _object(line)


def _object(line: str) -> Mapping[str, object]:
    try:
        found = json.loads(line)
    except ValueError as error:
        return {FAULT: f"it is no JSON ({error})."}
    return found if isinstance(found, dict) else {FAULT: "it is no JSON object with a value for each column."}


def _parquet(content: bytes) -> Iterator[Placed]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise Problem(
            "Parquet is read by pyarrow, which this Python lacks.",
            "give the manifest as CSV or JSONL, or install pyarrow for this Python.",
        ) from error
    for number, cells in enumerate(parquet.read_table(io.BytesIO(content)).to_pylist(), 1):
        yield f"row {number}", cells


READERS: Mapping[str, Callable[[bytes], Iterator[Placed]]] = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
