"""The parts of the results -> one table in the order of the manifest, and what failed or is missing, in words."""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..problems import Problem
from . import run_file
from .store import Store

Line = Mapping[str, object]
SHOWN = 20
ALL_DRAWN, SOME_ERRORS = 0, 3
"""Exit statuses; 1 is a run that could not go on, 2 what was wrong before it began."""


@dataclass(frozen=True)
class Report:
    """The last result of each row that is in the run now, by id, None where there is none yet."""

    lines: Mapping[str, Line | None]

    @property
    def failed(self) -> list[Line]:
        return [line for line in self.lines.values() if line and line["error"]]

    @property
    def missing(self) -> list[str]:
        return [name for name, line in self.lines.items() if line is None]

    @property
    def status(self) -> int:
        return SOME_ERRORS if self.failed or self.missing else ALL_DRAWN

    def __str__(self) -> str:
        drawn = len(self.lines) - len(self.failed) - len(self.missing)
        text = [
            f"{drawn} of {len(self.lines)} rows drawn, {len(self.failed)} with errors, {len(self.missing)} not yet."
        ]
        for error, count in Counter(str(line["error"]) for line in self.failed).most_common(SHOWN):
            names = [str(line["id"]) for line in self.failed if line["error"] == error]
            text.append(f"  {count} x {error} (id {', '.join(names[:5])}{' ...' if count > 5 else ''})")
        if self.missing:
            text.append(f"  not yet: {', '.join(self.missing[:SHOWN])}{' ...' if len(self.missing) > SHOWN else ''}")
        return "\n".join(text)


def report_of(store: Store) -> Report:
    """What became of the rows of the last run. Raises Problem where no batch is, or its results cannot be read here."""
    latest: dict[tuple[str, str], Line] = {}
    for line in _lines(store):
        place = (str(line["id"]), str(line["row"]))
        if place not in latest or latest[place]["ended"] <= line["ended"]:
            latest[place] = line
    return Report({name: latest.get((name, row)) for name, row in run_file.rows(store).items()})


def write(store: Store, report: Report) -> str:
    """Write the whole table: Parquet, or JSONL where no pyarrow is; its name."""
    lines = [line for line in report.lines.values() if line]
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        name = "results.jsonl"
        store.put(name, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
    else:
        name, file = "results.parquet", io.BytesIO()
        parquet.write_table(pyarrow.Table.from_pylist(lines, schema=schema()), file)
        store.put(name, file.getvalue())
    store.remove({"results.jsonl": "results.parquet", "results.parquet": "results.jsonl"}[name])
    return name


def schema() -> object:
    """The columns of the results for pyarrow, which would guess others for a part without pictures."""
    import pyarrow

    text, number = pyarrow.string(), pyarrow.float64()
    return pyarrow.schema(
        {
            "id": text,
            "key": text,
            "pictures": pyarrow.list_(text),
            "texts": text,
            "seconds": number,
            "attempts": pyarrow.int64(),
            "host": text,
            "error": text,
            "row": text,
            "ended": number,
        }
    )


def _lines(store: Store) -> Iterator[Line]:
    for name in store.names("results"):
        content = store.get(name) or b""
        if name.endswith(".jsonl"):
            yield from map(json.loads, content.decode().splitlines())
        elif name.endswith(".parquet"):
            yield from _of_parquet(content)


def _of_parquet(content: bytes) -> Sequence[Line]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise Problem(
            "These results are Parquet, which this Python cannot read.",
            "install pyarrow for it, or read them elsewhere.",
        ) from error
    return parquet.read_table(io.BytesIO(content)).to_pylist()
