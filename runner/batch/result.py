"""What became of a row: the record that a drawing leaves, and the line of the results."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from .store import Store

COLUMNS = ("id", "key", "pictures", "texts", "seconds", "attempts", "host", "error", "row", "ended")


@dataclass(frozen=True)
class Result:
    """One line of the results: `pictures` are names in the store, `error` is empty or says why there is none.

    `row` is the hash of what stood in the row, `ended` seconds since 1970: of two lines of one row the later counts.
    """

    id: str
    row: str
    key: str = ""
    pictures: tuple[str, ...] = ()
    texts: Mapping[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    attempts: int = 0
    host: str = ""
    error: str = ""
    ended: float = field(default_factory=time.time)

    def line(self) -> dict[str, object]:
        """As columns, in their order; texts as JSON, since each prompt has others."""
        values = asdict(self)
        values["pictures"] = list(self.pictures)
        values["texts"] = json.dumps(values["texts"], ensure_ascii=False, sort_keys=True)
        return {column: values[column] for column in COLUMNS}


@dataclass(frozen=True)
class Record:
    """What a key has drawn."""

    pictures: tuple[str, ...]
    texts: Mapping[str, list[str]]
    seconds: float


def _name(key: str) -> str:
    return f"drawn/{key[:2]}/{key}.json"


def recorded(store: Store, key: str) -> Record | None:
    """What a key has drawn, if all of it is still there."""
    content = store.get(_name(key))
    if content is None:
        return None
    found = json.loads(content)
    record = Record(tuple(found["pictures"]), found["texts"], found["seconds"])
    return record if all(store.has(name) for name in record.pictures) else None


def keep(store: Store, key: str, record: Record) -> None:
    """Say that a key is drawn; after its pictures are written, so that what is said is there."""
    store.put(_name(key), json.dumps(asdict(record), ensure_ascii=False).encode())


class Attempts:
    """How often a key was begun and not ended: what is left when a host takes everything down with it."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key

    @property
    def count(self) -> int:
        """The tries so far, a file for each; their names end in numbers without gaps."""
        count = 0
        while self._store.has(self._name(count)):
            count += 1
        return count

    def begin(self) -> None:
        """Note a try before it begins."""
        self._store.put(self._name(self.count), b"1")

    def forgive(self) -> None:
        """Take the last try back, which was broken off for no fault of the row."""
        if self.count:
            self._store.remove(self._name(self.count - 1))

    def end(self) -> None:
        """The row has come to an end, good or bad."""
        for number in reversed(range(self.count)):
            self._store.remove(self._name(number))

    def _name(self, number: int) -> str:
        return f"attempts/{self._key}.{number}"
