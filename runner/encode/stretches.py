"""The pictures of a command, in stretches of one file each, and the models of this ComfyUI that encode them."""

import argparse
import csv
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from ..batch.store import FULL, out_of_room, store_at
from ..problems import Problem
from ..train import headless
from ..train.options import INSTANTID, side_for
from ..train.prompt import caption_for, model_nodes
from .sources import Found, found_in, hash_of

ERRORS = "errors.csv"
ATTEMPTS = "attempts"


def _of_pack() -> ModuleType:
    return headless.of_pack("nodes.training.encoding")


class Stretches:
    """All pictures, in their order; a stretch is known by its number."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Raises Problem for a place that cannot be read."""
        self._options = options
        in_folder = partial(_in_folder, headless.of_pack("nodes.training.folder"))
        with _in_words(options.out):
            self.found = found_in(options.pictures, in_folder)
        self.hash = hash_of(self.found)
        self.count = -(-len(self.found) // options.per_shard)
        self._encoding: Any = None

    def load(self) -> None:
        """Load the models. Raises Problem for some that cannot be trained for."""
        import torch

        with torch.inference_mode(), _in_words(self._options.out):
            models, wanted = _models(self._options), _wanted(self._options, self.hash)
            self._encoding = _of_pack().Encoding(self._options.out, models, wanted)

    def begin(self) -> None:
        """Begin the lesson, or go on with it. Raises Problem for one that was made otherwise."""
        import torch

        with torch.inference_mode(), _in_words(self._options.out):
            self._encoding.begin()

    def part(self, number: int) -> Sequence[Found]:
        """The pictures of a stretch."""
        size = self._options.per_shard
        return self.found[number * size : (number + 1) * size]

    def has(self, number: int) -> bool:
        """Whether a stretch is encoded already."""
        with _in_words(self._options.out):
            return _of_pack().has(self._options.out, number)

    def errors_in(self, number: int) -> Mapping[str, str]:
        """What is wrong with the pictures of a stretch that is encoded, by their names."""
        with _in_words(self._options.out):
            return _of_pack().errors_in(self._options.out, number)

    def make(self, number: int, course: Any) -> None:
        """Encode a stretch, followed by the pack's Course. Raises Problem, and whatever the course raises."""
        import torch

        with torch.inference_mode(), _in_words(self._options.out):
            self._encoding.stretch(number, self._sources(number), course)

    def leave_out(self, number: int, why: str) -> None:
        """Make every picture of a stretch an error."""
        with _in_words(self._options.out):
            self._encoding.leave_out(number, self._sources(number), why)

    def _sources(self, number: int) -> list[object]:
        made, stand_in = _of_pack().Source, caption_for(self._options)
        return [made(each.name, each.open, each.caption or stand_in, each.refers) for each in self.part(number)]


@contextmanager
def _in_words(place: Path) -> Iterator[None]:
    """Turn what the pack says of pictures, a lesson or a model, or a disk of a file, into a Problem."""
    try:
        yield
    except (ValueError, OSError) as error:
        if FULL in str(error):
            raise out_of_room(str(place)) from error
        raise Problem(str(error), "change what is named here, then run the command again.") from error


def ended(options: argparse.Namespace, count: int) -> tuple[int, Mapping[str, str]]:
    """List what there is of `count` stretches that are all encoded; the pictures, and errors by the picture's name."""
    with _in_words(options.out):
        pictures, errors = _of_pack().end(options.out, count)
    store = store_at(str(options.out))
    if errors:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([("picture", "error"), *errors.items()])
        store.put(ERRORS, text.getvalue().encode())
    else:
        store.remove(ERRORS)
    shutil.rmtree(options.out / ATTEMPTS, ignore_errors=True)  # of hosts whose stretches others have made
    return pictures, errors


def _in_folder(pack: ModuleType, place: Path) -> Sequence[Found]:
    folder = pack.pictures_in(place)
    rows = zip(folder.names, folder.paths, folder.captions, folder.refers, strict=True)
    return [
        Found(name, partial(path.open, "rb"), caption, refers, path.stat().st_size)
        for name, path, caption, refers in rows
    ]


def _models(options: argparse.Namespace) -> object:
    loaded = headless.made(model_nodes(options)[0])
    sees = loaded["nets" if options.variant == INSTANTID else "encoder"][0]
    return _of_pack().Models(*loaded["model"][:3], sees)


def _wanted(options: argparse.Namespace, pictures: str) -> object:
    pack = _of_pack()
    views = pack.Views(options.flip_reference, options.crop_reference)
    files = {"base_model": options.base_model, "clip_vision": options.clip_vision}
    models = {name: f"{file.name}, {file.stat().st_size} bytes" for name, file in files.items() if file}
    if options.variant == INSTANTID and options.face_models:
        models["face_models"] = Path(options.face_models).name
    any_recogniser = bool(options.any_recogniser or not options.base_model)
    told = (options.variant, side_for(options), views, options.half, options.per_shard, pictures, models)
    return pack.Wanted(*told, any_recogniser)
