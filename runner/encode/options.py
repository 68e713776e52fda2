"""What `run.py encode` can be told, and what is wrong with it before anything is started."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ..problems import Problem
from ..train import options as train_options
from ..train.seats import Seat

SHARED = (
    "--base-model", "--clip-vision", "--variant", "--face-models", "--any-recogniser", "--caption", "--side", "--restarts",
)  # fmt: skip
"""The options that `run.py train` has, too."""

OPTIONS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "--pictures": {
            "nargs": "+",
            "required": True,
            "metavar": "PLACE",
            "help": "folders of pictures as for train; tar archives in WebDataset's order, one by one, as '{000..012}.tar' or "
            "their folder; tables (.csv, .jsonl, .parquet) with the columns id, picture and caption, and subject or pair",
        },
        "--out": {
            "type": Path,
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
    }
)


def add_to(form: argparse.ArgumentParser) -> None:
    """Put every option on a command's form."""
    for name, how in {**OPTIONS, **{name: train_options.OPTIONS[name] for name in SHARED}}.items():
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
    for name, least in (("per_shard", 1), ("gpus", 1)):
        if getattr(options, name) < least:
            raise Problem(f"--{name.replace('_', '-')} is {getattr(options, name)}.", "give a number above 0.")
    if seat is not None and options.gpus > 1:
        raise Problem(
            "--gpus starts processes, but this is already one of several.", "leave it out under torchrun or srun."
        )
