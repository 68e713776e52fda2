"""Folders, tar archives and tables of pictures -> one list of pictures with captions, in an order that stays."""

import hashlib
import io
import json
import re
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ..batch import manifest
from ..problems import Problem
from ..train.options import PICTURES

TABLES = (".csv", ".jsonl", ".parquet")
REFERS = ("subject", "pair")
PICTURE, CAPTION = "picture", "caption"
"""The columns of a table, beside `id` and one of REFERS; and CAPTION is the field of an archive's .json."""
BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


@dataclass(frozen=True, eq=False)
class Found:
    """A picture: its name among all, what opens it, its caption if it has one, whose reference it may be, its bytes."""

    name: str
    open: Callable[[], BinaryIO]
    caption: str
    refers: Mapping[str, str] = field(default_factory=dict)
    bytes: int = 0


def found_in(places: Sequence[str], in_folder: Callable[[Path], Sequence[Found]]) -> list[Found]:
    """All pictures of some places, in the order given. `in_folder` reads a folder of pictures as the training does.

    Raises Problem for a place that cannot be read, or where there are no pictures.
    """
    found: list[Found] = []
    several = len([*map(str, _spelled_out(places))]) > 1
    for place in _spelled_out(places):
        own = _reader_of(place, in_folder)(place)
        if not own:
            raise Problem(f"There are no pictures in {place} ({', '.join(PICTURES)}).", "give another place.")
        prefix = f"{place.name}/" if several else ""
        found += [_named(each, prefix) for each in own]
    return _each_once(found)


def hash_of(found: Sequence[Found]) -> str:
    """What tells these pictures with their captions from others."""
    rows = json.dumps([[each.name, each.caption, dict(each.refers), each.bytes] for each in found])
    return hashlib.blake2b(rows.encode(), digest_size=16).hexdigest()


def _spelled_out(places: Sequence[str]) -> list[Path]:
    """With a path for each number of '{000..012}', and the archives of a folder that has nothing else to read."""
    paths: list[Path] = []
    for place in places:
        match = BRACES.search(place)
        numbers = range(int(match[1]), int(match[2]) + 1) if match else ()
        spelled = [place[: match.start()] + str(n).zfill(len(match[1])) + place[match.end() :] for n in numbers]
        for path in map(Path, spelled or [place]):
            archives = sorted(path.glob("*.tar")) if path.is_dir() else []
            paths += archives or [path]
    return paths


def _reader_of(place: Path, in_folder: Callable[[Path], Sequence[Found]]) -> Callable[[Path], Sequence[Found]]:
    if place.is_dir():
        return in_folder
    kind = place.suffix.lower()
    if not place.is_file() or kind not in (".tar", *TABLES):
        raise Problem(
            f"{place} is neither a folder nor a {', '.join(('.tar', *TABLES))} file.",
            "give --pictures a folder of pictures, archives in WebDataset's order, or a table.",
        )
    return _in_archive if kind == ".tar" else _in_table


def _named(found: Found, prefix: str) -> Found:
    refers = {key: prefix + value if key == "pair" else value for key, value in found.refers.items()}
    return Found(prefix + found.name, found.open, found.caption, refers, found.bytes)


def _each_once(found: Sequence[Found]) -> list[Found]:
    """A picture that is there several times gets a name of its own each time, and says whose it is."""
    seen: defaultdict[str, int] = defaultdict(int)
    own: list[Found] = []
    for each in found:
        seen[each.name] += 1
        times = seen[each.name]
        refers = each.refers if times == 1 else {**each.refers, "file": each.name}
        own.append(Found(each.name + (f"#{times}" if times > 1 else ""), each.open, each.caption, refers, each.bytes))
    return own


def _in_archive(place: Path) -> list[Found]:
    """WebDataset's: files of one name up to the first dot are one example, its caption in .txt or 'caption' in .json."""
    try:
        with tarfile.open(place, "r:") as archive:
            return list(_examples(place, archive))
    except (tarfile.TarError, EOFError) as error:
        raise Problem(
            f"{place} is no tar archive or is cut short ({error}).", "give an archive that is whole and not compressed."
        ) from error


def _examples(place: Path, archive: tarfile.TarFile) -> Iterator[Found]:
    groups: dict[str, dict[str, tarfile.TarInfo]] = {}
    for member in archive:
        if member.isfile():
            folder, _, base = member.name.rpartition("/")
            stem, _, kind = base.partition(".")
            groups.setdefault(f"{folder}/{stem}".lstrip("/"), {})[f".{kind.lower()}"] = member
    for name, files in groups.items():
        picture = next((files[kind] for kind in PICTURES if kind in files), None)
        if picture is None:
            continue
        told = _json_of(archive, files.get(".json"))
        text = _text_of(archive, files.get(".txt"))
        refers = {key: str(told[key]) for key in REFERS if told.get(key)}
        opens = partial(_part_of, place, picture.offset_data, picture.size)
        yield Found(name, opens, (text or str(told.get(CAPTION) or "")).strip(), refers, picture.size)


def _part_of(place: Path, offset: int, size: int) -> BinaryIO:
    with place.open("rb") as file:
        file.seek(offset)
        return io.BytesIO(file.read(size))


def _text_of(archive: tarfile.TarFile, member: tarfile.TarInfo | None) -> str:
    file = archive.extractfile(member) if member else None
    return file.read().decode("utf-8", "replace") if file else ""


def _json_of(archive: tarfile.TarFile, member: tarfile.TarInfo | None) -> Mapping[str, object]:
    try:
        told = json.loads(_text_of(archive, member) or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _in_table(place: Path) -> list[Found]:
    rows, faults = manifest.read(str(place))
    lacking = [row.place for row in rows if not row.values.get(PICTURE)]
    if lacking:
        faults.append(f"Without a '{PICTURE}', which is the path of the file: {', '.join(lacking[:5])}.")
    if faults:
        raise Problem("\n".join((f"{place} cannot be used:", *faults)), "mend the table.")

    def found(row: manifest.Row) -> Found:
        file = place.parent / str(row.values[PICTURE])
        refers = {key: str(row.values[key]) for key in REFERS if row.values.get(key)}
        size = file.stat().st_size if file.is_file() else 0
        return Found(row.id, partial(file.open, "rb"), str(row.values.get(CAPTION) or "").strip(), refers, size)

    return [found(row) for row in rows]
