"""What `run.py encode` can be told, and what is wrong with it before anything is started."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ..batch import options as batch_options
from ..batch.addresses import is_remote
from ..problems import Problem
from ..train import options as train_options
from ..train.seats import Seat

SHARED = (
    "--base-model", "--clip-vision", "--variant", "--face-models", "--any-recogniser", "--caption", "--side", "--restarts",
)  # fmt: skip
"""The options that `run.py train` has, too."""
BY_HOSTS = ("--cards-per-host", "--here")
"""Those that `run.py batch` has, too."""
LAUNCHING = ("--hosts", "--address", "--cards-per-host", "--here", "--gpus", "--restarts")
"""Those that say who encodes, and nothing of how."""


def _on_a_disk(place: str) -> str:
    if is_remote(place):
        raise argparse.ArgumentTypeError(
            f"{place} is an address, and a lesson is read and written on disks: give a folder of this machine, or one that it "
            "shares with others"
        )
    return place


def _folder(place: str) -> Path:
    return Path(_on_a_disk(place))


OPTIONS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "--pictures": {
            "nargs": "+",
            "type": _on_a_disk,
            "required": True,
            "metavar": "PLACE",
            "help": "folders of pictures as for train; tar archives in WebDataset's order, one by one, as '{000..012}.tar' or "
            "their folder; tables (.csv, .jsonl, .parquet) with the columns id, picture and caption, and subject or pair",
        },
        "--out": {
            "type": _folder,
            "required": True,
            "metavar": "FOLDER",
            "help": "the lesson. The same command goes on with it",
        },
        "--half": {
            "action": "store_true",
            "help": "keep latents and features in half precision: half of the disk, and no longer the bits of a training from "
            "the pictures themselves",
        },
        "--flip-reference": {"action": "store_true", "help": "also keep what is seen of each picture mirrored"},
        "--crop-reference": {
            "type": float,
            "default": 1.0,
            "metavar": "SHARE",
            "help": "also keep what is seen of parts, of at least this share of the sides (default: 1, none)",
        },
        "--per-shard": {"type": int, "default": 256, "metavar": "N", "help": "pictures in a file (default: 256)"},
        "--gpus": {
            "type": int,
            "default": 1,
            "metavar": "N",
            "help": "encode in N processes, each on a GPU of its own (default: 1)",
        },
        "--hosts": {
            "metavar": "N or MIN:MAX",
            "help": "encode on so many ComfyUIs at once, which an engine starts, here or in its cluster (default: one process, or "
            "those of --gpus, without the engine)",
        },
        "--address": {
            "action": "append",
            "default": [],
            "metavar": "ADDRESS",
            "help": "the engine's cluster for --hosts: auto, or its head's address (default: one on this machine)",
        },
        "--timeout": {
            "type": float,
            "default": 600,
            "help": "for --hosts: seconds that one picture may take (default: 600)",
        },
        "--attempts": {
            "type": int,
            "default": 3,
            "help": "for --hosts: how often a picture may take its host down before it is an error (default: 3)",
        },
    }
)


ALL: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        **OPTIONS,
        **{name: train_options.OPTIONS[name] for name in SHARED},
        **{name: batch_options.OPTIONS[name] for name in BY_HOSTS},
    }
)


def add_to(form: argparse.ArgumentParser) -> None:
    """Put every option on a command's form."""
    for name, how in ALL.items():
        form.add_argument(name, **how)
    # What a training alone is told, and is asked of options here as well.
    form.set_defaults(start_from=None, start_control_net=None)


def check(options: argparse.Namespace, seat: Seat | None) -> None:
    """Raise Problem when a file is not there, or options do not go together."""
    train_options.check_models(options)
    for name in ("base_model", "clip_vision"):
        file = getattr(options, name)
        if file and not file.is_file():
            raise Problem(f"{file} is not a file.", f"give --{name.replace('_', '-')} the file itself.")
    for name in ("per_shard", "gpus", "timeout", "attempts"):
        if getattr(options, name) <= 0:
            raise Problem(f"--{name.replace('_', '-')} is {getattr(options, name)}.", "give a number above 0.")
    if seat is not None and (options.gpus > 1 or options.hosts):
        raise Problem(
            f"--{'hosts' if options.hosts else 'gpus'} starts processes, but this is already one of several.",
            "leave it out under torchrun or srun.",
        )
    _check_hosts(options)


def _check_hosts(options: argparse.Namespace) -> None:
    urls = batch_options.urls_of(options)
    wrong = f"--address {urls[0]} is a ComfyUI; pictures are encoded by ours." if urls else ""
    wrong = wrong or batch_options.wrong_hosts(options)
    if not wrong and options.gpus > 1 and batch_options.hosts_of(options) not in (None, batch_options.NO_ENGINE):
        wrong = "--gpus and --hosts both say how many processes there are."
    if options.here and not (wrong or (options.comfyui and batch_options.hosts_of(options))):
        wrong = "--hosts and --comfyui must be given."
    if wrong:
        raise Problem(wrong, "`run.py encode --help` says what each option is.")


def words_for(options: argparse.Namespace) -> list[str]:
    """The words of a call that say how pictures are encoded, with paths that hold in any folder."""
    words: list[str] = []
    for name, how in ALL.items():
        value = getattr(options, name.removeprefix("--").replace("-", "_"))
        if name in LAUNCHING or value is None or value is False:
            continue
        if "action" in how:
            words.append(name)
        elif isinstance(value, list):
            words += [name, *(str(Path(place).absolute()) for place in value)]
        else:
            # A pack of face models is a folder, or the name of one of ComfyUI's.
            is_path = isinstance(value, Path) or (name == "--face-models" and os.sep in value)
            words.append(f"{name}={Path(value).absolute() if is_path else value}")
    return words
