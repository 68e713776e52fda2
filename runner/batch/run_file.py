"""What a batch was started with, beside its results: the same place goes on with the same settings only."""

import json
import time
from collections.abc import Mapping, Sequence

from ..problems import Problem
from .jobs import Job
from .key import row_of
from .store import Store

RUN, ROWS = "run.json", "rows.jsonl"


def begin(store: Store, settings: Mapping[str, object], about: Mapping[str, object], jobs: Sequence[Job]) -> None:
    """Note a run and the rows it is to draw. Raises Problem when the place has a run with other settings.

    The manifest may have changed since: rows are known by what stands in them.
    """
    before = json.loads(store.get(RUN) or b"{}")
    differs = [
        f"{name}: {before['settings'].get(name)} there, {value} now"
        for name, value in settings.items()
        if before and before["settings"].get(name) != value
    ]
    if differs:
        raise Problem(
            f"{store.place} has a batch with other settings ({'; '.join(differs)}).",
            "give another --out, or the settings that it was begun with.",
        )
    started = before.get("started") or _now()
    _write(store, {"settings": dict(settings), "about": dict(about), "started": started, "ended": None})
    rows = (json.dumps({"id": job.id, "row": row_of(job)}, ensure_ascii=False) + "\n" for job in jobs)
    store.put(ROWS, "".join(rows).encode())


def end(store: Store) -> None:
    """Note that all rows have their results."""
    _write(store, {**json.loads(store.get(RUN) or b"{}"), "ended": _now()})


def rows(store: Store) -> dict[str, str]:
    """The rows of the last run by their ids. Raises Problem where no batch is."""
    content = store.get(ROWS)
    if content is None:
        raise Problem(f"There is no batch in {store.place}.", "give --out the place that a batch was written to.")
    found = map(json.loads, content.decode().splitlines())
    return {row["id"]: row["row"] for row in found}


def _write(store: Store, content: Mapping[str, object]) -> None:
    store.put(RUN, json.dumps(content, indent=1, ensure_ascii=False).encode())


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
