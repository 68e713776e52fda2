"""A folder that `run.py encode` wrote -> what is trained on, read from its files as it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import torch
from torch import Tensor

from ..cache import digest
from ..files.write_whole import write_bytes
from ..reference.embeds import Embeds
from .dataset import Dataset, Example, Kept, Text
from .kept_texts import Texts, rows_of_texts
from .packed import Packed, below, packed
from .references import Partners, partners_of
from .shards import Encoded, Place, Read, Shard, Size, text_from, write_shard

INDEX = "lesson.json"
NOTHING = "nothing.safetensors"
SHARDS = "shards"
FEATURES = "features/"
FORMAT = 2

Draw = Callable[[Tensor, Size], Tensor]
"""Keypoints (5, 2) and a size (width, height) in pixels -> their picture (3, H, W), 0..1."""


@dataclass(frozen=True)
class Made:
    """By what a lesson was made: all that must be the same where encoding goes on, and what training must fit.

    `variant` and `family` are names; `models` the files that encoded, with their bytes; `pictures` a hash of what is encoded;
    `half`: kept in half precision; `cell` the pixels of a latent cell.
    """

    variant: str
    family: str
    side: int
    views: Mapping[str, float]
    models: Mapping[str, str]
    encoder: str
    recogniser: str
    pictures: str
    per_shard: int
    half: bool
    cell: int


def shard_file(folder: Path, number: int) -> Path:
    """Where the pictures of a stretch of the sources are."""
    return folder / SHARDS / f"{number:06}.safetensors"


def is_lesson(folder: Path) -> bool:
    return (folder / INDEX).is_file()


def begin(folder: Path, made: Made) -> None:
    """Begin a lesson, or go on. Raises ValueError for one without its index, or made otherwise, naming what differs."""
    file = folder / INDEX
    if not file.is_file():
        if any((folder / SHARDS).glob("*.safetensors")):
            raise ValueError(f"'{folder}' has the files of a lesson without its {INDEX}. Choose another folder.")
        _write(file, {"format": FORMAT, **vars(made), "shards": None})
        return
    found, wanted = _read(folder), {**vars(made)}
    odd = [name for name, value in wanted.items() if found.get(name) != value]
    if odd:
        told = ", ".join(f"{name} {found.get(name)} there, {wanted[name]} now" for name in odd)
        raise ValueError(f"'{folder}' is a lesson that was made otherwise ({told}). Choose another folder.")


def keep_nothing(folder: Path, no_text: Text, no_picture: Embeds) -> None:
    """Write what stands for no text and for no picture."""
    embeds = no_picture.with_features()
    latent = torch.zeros(1, 1, 1)
    write_shard(folder / NOTHING, [Encoded("nothing", latent, [embeds], "")], {"": no_text}, {})


def end(folder: Path, count: int) -> tuple[int, Mapping[str, str]]:
    """List the files of a lesson whose `count` stretches are all encoded; its pictures, and errors by the picture's name."""
    shards: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    for number in range(count):
        path = shard_file(folder, number)
        listed = Shard(path).listed()
        errors |= listed.errors
        shards.append({"pictures": len(listed.names), "bytes": path.stat().st_size, "digest": listed.digest})
    _write(folder / INDEX, {**_read(folder), "shards": shards})
    return sum(shard["pictures"] for shard in shards), errors


def _write(file: Path, told: Mapping[str, object]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, json.dumps(told, indent=1).encode())


def _read(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"'{folder / INDEX}' cannot be read ({error}).") from error
    if found.get("format") != FORMAT:
        raise ValueError(
            f"'{folder}' is a lesson of format {found.get('format')}; this version reads {FORMAT}. "
            "Encode its pictures again, into an empty folder; the old one may be kept or deleted."
        )
    return found


@dataclass(frozen=True, eq=False)
class _Table:
    """Where every picture is, in the order of the sources."""

    files: Sequence[Shard]
    names: Sequence[str]
    file: Sequence[int]
    place: Sequence[Place]
    partners: Partners
    views: int
    contents: str


class KeptExamples(Kept):
    """The pictures of a lesson, or some of them."""

    def __init__(
        self, table: _Table, texts: Texts, draw: Draw, cell: int, numbers: Sequence[int] | None = None
    ) -> None:
        self._table = table
        self._texts = texts
        self._draw = draw
        self._cell = cell
        self._numbers = range(len(table.names)) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> KeptExamples: ...
    def __getitem__(self, index: int | slice) -> Example | KeptExamples:
        if isinstance(index, slice):
            return self.only(range(len(self))[index])
        return self.taken([index], self.read([index]))[0]

    @property
    def sizes(self) -> Sequence[Size]:
        return [self._table.place[number].size for number in self._numbers]

    @property
    def keys(self) -> Sequence[str]:
        return [digest(self._row(number).latent) for number in range(len(self))]

    @property
    def contents(self) -> str:
        return digest(torch.tensor([*self._table.contents.encode()]), torch.tensor([*self._numbers]))

    def only(self, numbers: Sequence[int]) -> KeptExamples:
        own = [self._numbers[number] for number in numbers]
        return KeptExamples(self._table, self._texts, self._draw, self._cell, own)

    def read(self, numbers: Sequence[int]) -> _Part:
        rows = [self._row(number) for number in numbers]
        files = [self._table.file[self._numbers[number]] for number in numbers]
        where = [self._texts.where(file, row.caption) for file, row in zip(files, rows, strict=True)]
        together = {
            "latents": [row.latent for row in rows],
            **{f"{FEATURES}{name}": [row.features[name] for row in rows] for name in rows[0].features},
            **rows_of_texts([self._table.files[file].text(caption) for file, caption in where]),
        }
        points = [row.keypoints for row in rows if row.keypoints is not None]
        return _Part(packed(together | ({"keypoints": points} if points else {})), where)

    def _row(self, index: int) -> Read:
        number = self._numbers[index]
        return self._table.files[self._table.file[number]].row(self._table.place[number])

    def taken(self, numbers: Sequence[int], read: _Part) -> list[Example]:
        tensors = read.tensors.unpacked()
        latents, features, points = tensors["latents"].float(), below(tensors, FEATURES), tensors.get("keypoints")
        found: list[Example] = []
        for row, (number, caption) in enumerate(zip(numbers, read.captions, strict=True)):
            place = self._numbers[number]
            hint = None if points is None else self._hint(place, points[row])
            shown = self._shown(place, {name: own[row] for name, own in features.items()})
            found.append(Example(latents[row], self._texts.of(caption, tensors, row), shown[0], hint, shown[1]))
        return found

    def _shown(self, number: int, own: Mapping[str, Tensor]) -> tuple[Embeds, Sequence[Embeds]]:
        """What an adapter is shown of a picture first, of which `own` was read, and what it may be shown in its place."""
        others = self._table.partners[number]
        references = _References(self._table, others or (number,))
        # Of another picture even the first view is read when it is shown.
        return references[0] if others else _embeds(own), _Further(references)

    def _hint(self, number: int, points: Tensor) -> Callable[[], Tensor]:
        height, width = self._table.place[number].size
        return lambda: self._draw(points, (self._cell * width, self._cell * height))


@dataclass(frozen=True, eq=False)
class _Part:
    """Pictures of one size in one tensor, and where the caption of each is."""

    tensors: Packed
    captions: Sequence[tuple[int, int]]


class _References(Sequence[Embeds]):
    """The views of some pictures, each read when it is asked for."""

    def __init__(self, table: _Table, numbers: Sequence[int]) -> None:
        self._table = table
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers) * self._table.views

    @overload
    def __getitem__(self, index: int) -> Embeds: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Embeds]: ...
    def __getitem__(self, index: int | slice) -> Embeds | Sequence[Embeds]:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        number = self._numbers[index // self._table.views]
        file = self._table.files[self._table.file[number]]
        return _embeds(file.view(self._table.place[number], index % self._table.views))


class _Further(Sequence[Embeds]):
    """All but the first."""

    def __init__(self, all_of_them: _References) -> None:
        self._all = all_of_them

    def __len__(self) -> int:
        return len(self._all) - 1

    @overload
    def __getitem__(self, index: int) -> Embeds: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Embeds]: ...
    def __getitem__(self, index: int | slice) -> Embeds | Sequence[Embeds]:
        return self._all[1:][index] if isinstance(index, slice) else self._all[index + 1]


def _embeds(features: Mapping[str, Tensor]) -> Embeds:
    """In the precision of training, whatever they are kept in."""
    return Embeds(encoder="", **{name: tensor.float() for name, tensor in features.items()})


@dataclass(frozen=True, eq=False)
class Lesson:
    """A lesson that was opened: how it was made, and what is trained on."""

    made: Made
    dataset: Dataset


def open_lesson(folder: Path, draw: Draw) -> Lesson:
    """Read a lesson's index. Raises ValueError for one that is not finished, or whose files are not what was written."""
    told = _read(folder)
    shards = told.pop("shards")
    del told["format"]
    if shards is None:
        raise ValueError(
            f"'{folder}' is a lesson that is not finished. Run the same 'run.py encode' again: it goes on where it stopped."
        )
    made = Made(**told)
    files = [Shard(shard_file(folder, number)) for number in range(len(shards))]
    listed = [file.listed() for file in files]
    for file, own, wanted in zip(files, listed, shards, strict=True):
        if own.digest != wanted["digest"] or file.path.stat().st_size != wanted["bytes"]:
            raise ValueError(f"'{file.path}' is not the file that belongs to this lesson. Run 'run.py encode' again.")
    names = [name for own in listed for name in own.names]
    refers = [each for own in listed for each in own.refers]
    nothing = Shard(folder / NOTHING)
    empty = nothing.row(Place((1, 1), 0))
    table = _Table(
        files,
        names,
        [number for number, own in enumerate(listed) for _ in own.names],
        [place for own in listed for place in own.places],
        partners_of([each.get("file", name) for name, each in zip(names, refers, strict=True)], refers),
        int(made.views["count"]),
        digest(torch.tensor([*"".join(own.digest for own in listed).encode()])),
    )
    texts = Texts([own.captions for own in listed])
    examples = KeptExamples(table, texts, draw, made.cell)
    return Lesson(made, Dataset(examples, text_from(nothing.text(0)), Embeds(**empty.features, encoder=made.encoder)))
