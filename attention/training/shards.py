"""Encoded pictures <-> a file of them: latents, features, keypoints and texts, each row with a checksum.

`HxW/latents` (n, C, H, W), `HxW/features/NAME` (n, views, ...), `HxW/keypoints` (n, 5, 2), `HxW/caption` (n,), `HxW/sum` (n,) for
each size of latents; `text/I/NAME` and `text/I/sum` for each caption. What has no numbers is JSON in the header.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ..cache import digest
from ..reference.embeds import Embeds
from .dataset import Text

Size = tuple[int, int]
HEADER = "lesson"


@dataclass(frozen=True, eq=False)
class Encoded:
    """A picture as it is kept: its name, latent (C, h, w), views (each n = 1), caption, and keypoints (5, 2) in its bucket.

    `refers` says under 'subject' or 'pair' whose reference it may be.
    """

    name: str
    latent: Tensor
    views: Sequence[Embeds]
    caption: str
    keypoints: Tensor | None = None
    refers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a row is in its file."""

    size: Size
    row: int


@dataclass(frozen=True, eq=False)
class Listed:
    """What a file's header says: names, places and references of its pictures, its captions, and what went wrong."""

    names: Sequence[str]
    places: Sequence[Place]
    refers: Sequence[Mapping[str, str]]
    captions: Sequence[str]
    errors: Mapping[str, str]
    digest: str


@dataclass(frozen=True, eq=False)
class Read:
    """A row that was read: its latent, the features of its first view by name, the number of its caption, its keypoints."""

    latent: Tensor
    features: Mapping[str, Tensor]
    caption: int
    keypoints: Tensor | None


def write_shard(path: Path, rows: Sequence[Encoded], texts: Mapping[str, Text], errors: Mapping[str, str]) -> None:
    """Write a file of pictures: all of it or nothing. `texts` has each caption; `errors` what is wrong by the name.

    Raises OSError where it cannot be written.
    """
    captions = list(dict.fromkeys(row.caption for row in rows))
    tensors = _texts(captions, texts)
    places: dict[str, tuple[Size, int]] = {}
    for size, group in _by_size(rows).items():
        tensors |= {f"{_name(size)}/{name}": tensor for name, tensor in _stacked(group, captions).items()}
        places |= {row.name: (size, number) for number, row in enumerate(group)}
    header = {
        "pictures": [[row.name, *places[row.name][0], places[row.name][1], dict(row.refers)] for row in rows],
        "captions": captions,
        "errors": dict(errors),
        "digest": digest(*(tensors[name] for name in sorted(tensors))),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # Several machines may write it, whose processes have the same numbers.
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    kept = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        # One entry alone: the order of several is drawn anew by each process, and the bytes would be, too.
        safetensors.torch.save_file(kept, part, metadata={HEADER: json.dumps(header)})
        os.replace(part, path)
    except safetensors.SafetensorError as error:
        raise OSError(f"'{path}' cannot be written ({error}).") from error
    finally:
        part.unlink(missing_ok=True)


def _by_size(rows: Sequence[Encoded]) -> dict[Size, list[Encoded]]:
    found: dict[Size, list[Encoded]] = {}
    for row in rows:
        height, width = row.latent.shape[-2:]
        found.setdefault((height, width), []).append(row)
    return found


def _stacked(group: Sequence[Encoded], captions: Sequence[str]) -> dict[str, Tensor]:
    numbers = {caption: number for number, caption in enumerate(captions)}
    found = {
        "latents": torch.stack([row.latent for row in group]),
        "caption": torch.tensor([numbers[row.caption] for row in group]),
    }
    for name in group[0].views[0].names:
        views = [torch.cat([view.feature(name) for view in row.views]) for row in group]
        found[f"features/{name}"] = torch.stack(views)
    if group[0].keypoints is not None:
        found["keypoints"] = torch.stack([row.keypoints for row in group if row.keypoints is not None])
    found["sum"] = torch.tensor([_sum(*(found[name][row] for name in sorted(found))) for row in range(len(group))])
    return found


def _texts(captions: Sequence[str], texts: Mapping[str, Text]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for number, caption in enumerate(captions):
        own = text_tensors(texts[caption])
        found |= {f"text/{number}/{name}": tensor for name, tensor in own.items()}
        found[f"text/{number}/sum"] = torch.tensor([_sum(*(own[name] for name in sorted(own)))])
    return found


def text_tensors(text: Text) -> dict[str, Tensor]:
    """An entry of the host's conditioning as tensors by name. Raises ValueError for one that holds something else."""
    context, extra = text
    told = {name: value for name, value in extra.items() if value is not None}
    odd = [name for name, value in told.items() if not isinstance(value, Tensor)]
    if odd:
        raise ValueError(f"the text encoder gives '{odd[0]}' beside the text, which cannot be kept in a file.")
    return {"context": context, **told}


def text_from(tensors: Mapping[str, Tensor]) -> Text:
    """The entry that `text_tensors` took apart."""
    return [tensors["context"], {name: tensor for name, tensor in tensors.items() if name != "context"}]


@dataclass(frozen=True)
class Shard:
    """A file of pictures, of which only what is asked for is read, and checked."""

    path: Path

    def listed(self) -> Listed:
        """What its header says. Raises ValueError for a file that is missing, cut short or something else."""
        with self._opened() as file:
            told: dict[str, Any] = json.loads((file.metadata() or {}).get(HEADER, "{}"))
        missing = [name for name in ("pictures", "captions", "errors", "digest") if name not in told]
        if missing:
            raise self._damaged(f"it has no {missing[0]}")
        rows = told["pictures"]
        return Listed(
            [name for name, *_ in rows],
            [Place((height, width), row) for _, height, width, row, _ in rows],
            [refers for *_, refers in rows],
            told["captions"],
            told["errors"],
            told["digest"],
        )

    def row(self, place: Place) -> Read:
        """A picture's numbers, with the features of its first view."""
        own: dict[str, Tensor] = {}
        prefix = _name(place.size) + "/"
        with self._opened() as file:
            for name in (each for each in file.keys() if each.startswith(prefix)):  # noqa: SIM118  not a dictionary
                own[name.removeprefix(prefix)] = file.get_slice(name)[place.row].clone()
        told = own.pop("sum")
        if int(told) != _sum(*(own[name] for name in sorted(own))):
            raise self._damaged(f"row {place.row} of {_name(place.size)} is not what was written")
        features = {name.removeprefix("features/"): own[name] for name in own if name.startswith("features/")}
        return Read(
            own["latents"],
            {name: views[:1] for name, views in features.items()},
            int(own["caption"]),
            own.get("keypoints"),
        )

    def view(self, place: Place, number: int) -> dict[str, Tensor]:
        """The features (n = 1) of a view of a picture, by name."""
        prefix = f"{_name(place.size)}/features/"
        with self._opened() as file:
            slices = {n.removeprefix(prefix): file.get_slice(n) for n in file.keys() if n.startswith(prefix)}  # noqa: SIM118
            return {name: part[place.row, number : number + 1].clone() for name, part in slices.items()}

    def text(self, number: int) -> dict[str, Tensor]:
        """A caption as the base model reads it, as tensors by name."""
        prefix = f"text/{number}/"
        with self._opened() as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
            own = {name.removeprefix(prefix): file.get_tensor(name).clone() for name in names}
        told = own.pop("sum")
        if int(told) != _sum(*(own[name] for name in sorted(own))):
            raise self._damaged(f"text {number} is not what was written")
        return own

    def _opened(self) -> Any:
        try:
            # Opened for each reading, whose tensors are copies: one that is not would keep all of the file mapped.
            return safetensors.safe_open(str(self.path), "pt")
        except (safetensors.SafetensorError, OSError) as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, why: str) -> ValueError:
        return ValueError(
            f"'{self.path}' is missing or damaged ({why}). Delete it if it is there and run the same 'run.py encode' again: "
            "it makes this file anew and keeps the others."
        )


def _sum(*tensors: Tensor) -> int:
    total = 0
    for tensor in tensors:
        total = zlib.crc32(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data, total)
    return total


def _name(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
