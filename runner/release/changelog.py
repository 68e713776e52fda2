"""CHANGELOG.md -> its entries, the newest first, whose form is checked."""

import re
from dataclasses import dataclass
from itertools import pairwise

from ..problems import Problem

FILE = "CHANGELOG.md"
FORM = "`## 1.2.3 (2026-01-31)`, or for what is not out yet `## Unreleased (1.2.3)`"
_VERSION, _DATE = r"\d+\.\d+\.\d+", r"\d{4}-\d{2}-\d{2}"
_HEAD = re.compile(rf"Unreleased \(({_VERSION})\)|({_VERSION}) \(({_DATE})\)")


@dataclass(frozen=True)
class Entry:
    """One version: its number, the day it came out (None before that), and what it says."""

    version: str
    date: str | None
    text: str

    @property
    def number(self) -> tuple[int, ...]:
        return tuple(map(int, self.version.split(".")))


def entries(text: str) -> tuple[Entry, ...]:
    """The entries of the page. Raises Problem where one has not the form, says nothing or stands in the wrong place."""
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    found = tuple(map(_entry, parts))
    if not found:
        raise Problem(f"{FILE} has no entry.", f"begin one with {FORM}.")
    for newer, older in pairwise(found):
        if newer.number <= older.number or older.date is None or (newer.date or older.date) < older.date:
            raise Problem(
                f"{FILE}: {newer.version} stands before {older.version}.",
                "put the newest first; only the newest may be unreleased.",
            )
    return found


def _entry(part: str) -> Entry:
    head, _, body = part.partition("\n")
    match = _HEAD.fullmatch(head)
    if match is None:
        raise Problem(f"{FILE}: '## {head}' is not the head of a version.", f"write {FORM}.")
    lines = [line for line in body.splitlines() if line.startswith("- ")]
    unfinished = [line for line in lines if not line.endswith((".", ":", "`"))]
    if not lines or unfinished:
        what = f"ends without a full stop: {unfinished[0]}" if unfinished else "has no line that begins with '- '"
        raise Problem(f"{FILE}: {head} {what}", "one line in whole sentences for each change that a user sees.")
    return Entry(match[1] or match[2], match[3], body.strip())
