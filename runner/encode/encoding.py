"""A process of several -> its stretches of the pictures, encoded by the models of the ComfyUI inside of it."""

import argparse
import csv
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TextIO

from ..places import Places
from ..problems import Problem, say
from ..progress import bar
from ..train import headless
from ..train.options import INSTANTID, side_for
from ..train.prompt import caption_for, model_nodes
from ..train.seats import STOPPED, Seat
from ..train.together import Work, asked_to_stop, everywhere
from .sources import Found, found_in, hash_of

ERRORS = "errors.csv"
SOME_ERRORS = 3
LINES = 20


class _Stop(Exception):
    """Asked to, in the middle of a stretch, of which nothing is kept."""


def encoded(places: Places, options: argparse.Namespace, seat: Seat) -> int:
    """Encode this process's stretches; 0, STOPPED, or SOME_ERRORS where pictures could not be encoded."""
    import torch

    pack = headless.of_pack("nodes.training.encoding")
    found = found_in(options.pictures, partial(_in_folder, headless.of_pack("nodes.training.folder")))
    if len(set(everywhere(seat, hash_of(found)))) > 1:
        raise Problem("The processes do not see the same pictures.", "let all of them see the same folders.")
    count = -(-len(found) // options.per_shard)
    try:
        with torch.inference_mode():
            encoding = pack.Encoding(options.out, _models(pack, options), _wanted(pack, options, found))
            if seat.first:
                say(f"{len(found)} pictures, in {count} files of up to {options.per_shard}")
                encoding.begin()
            torch.distributed.barrier()
            _stretches(pack, encoding, options, found, range(seat.rank, count, seat.count), seat)
    except _Stop:
        if seat.first:
            say("Stopped; what is encoded is kept. The same command goes on.")
        return STOPPED
    except ValueError as error:
        raise Problem(str(error), "change what is named here, then run the command again.") from error
    torch.distributed.barrier()
    return _ended(encoding, options, count) if seat.first else 0


def _in_folder(pack: ModuleType, place: Path) -> Sequence[Found]:
    folder = pack.pictures_in(place)
    rows = zip(folder.names, folder.paths, folder.captions, folder.refers, strict=True)
    return [
        Found(name, partial(path.open, "rb"), caption, refers, path.stat().st_size)
        for name, path, caption, refers in rows
    ]


def _models(pack: ModuleType, options: argparse.Namespace) -> object:
    loaded = headless.made(model_nodes(options)[0])
    sees = loaded["nets" if options.variant == INSTANTID else "encoder"][0]
    return pack.Models(*loaded["model"][:3], sees)


def _wanted(pack: ModuleType, options: argparse.Namespace, found: Sequence[Found]) -> object:
    views = pack.Views(options.flip_reference, options.crop_reference)
    files = {"base_model": options.base_model, "clip_vision": options.clip_vision}
    models = {name: f"{file.name}, {file.stat().st_size} bytes" for name, file in files.items() if file}
    if options.variant == INSTANTID and options.face_models:
        models["face_models"] = Path(options.face_models).name
    any_recogniser = bool(options.any_recogniser or not options.base_model)
    told = (options.variant, side_for(options), views, options.half, options.per_shard, hash_of(found), models)
    return pack.Wanted(*told, any_recogniser)


def _stretches(
    pack: ModuleType,
    encoding: object,
    options: argparse.Namespace,
    found: Sequence[Found],
    numbers: Sequence[int],
    seat: Seat,
) -> None:
    size, stand_in = options.per_shard, caption_for(options)
    own = sum(min(size, len(found) - number * size) for number in numbers)
    course = _Course(sys.stdout if seat.first else None, own)
    for number in numbers:
        part = found[number * size : (number + 1) * size]
        if encoding.has(number):
            course.skip(len(part))
            continue
        sources = [pack.Source(each.name, each.open, each.caption or stand_in, each.refers) for each in part]
        encoding.stretch(number, sources, course.tick)


class _Course:
    """Shows how many of this process's pictures are encoded, and raises where it is to stop."""

    def __init__(self, out: TextIO | None, of: int) -> None:
        self._out = out
        self._done, self._of = 0, of

    def skip(self, count: int) -> None:
        self._done += count

    def tick(self) -> None:
        self._done += 1
        if self._out is not None and (self._done == self._of or self._done % max(1, self._of // LINES) == 0):
            self._out.write(f"{bar(self._done, self._of)} {self._done} of {self._of} pictures encoded\n")
            self._out.flush()
        if asked_to_stop():
            raise _Stop


def _ended(encoding: object, options: argparse.Namespace, count: int) -> int:
    """List what there is; SOME_ERRORS where pictures are missing."""
    pictures, errors = encoding.end(count)
    _write_errors(options.out / ERRORS, errors)
    say(f"{pictures} pictures are in {options.out}: give it to run.py train as --pictures.")
    if not errors:
        return 0
    say(f"{len(errors)} could not be encoded: {options.out / ERRORS} says why.")
    return SOME_ERRORS


def _write_errors(file: Path, errors: Mapping[str, str]) -> None:
    if not errors:
        file.unlink(missing_ok=True)
        return
    part = file.with_name(file.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([("picture", "error"), *errors.items()])
    os.replace(part, file)


ENCODING = Work(lambda _options: (), encoded)
