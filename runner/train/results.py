"""What a training left in ComfyUI's private folders -> the same where the user finds it."""

import argparse
import glob
import shutil
from collections.abc import Sequence
from pathlib import Path

from ..places import Places

FOLDERS = {"instantid": ("instantid", "controlnet")}
"""The model folders that a variant's files are written to, where these are not the folder of adapters alone."""


def folders_of(variant: str) -> Sequence[str]:
    return FOLDERS.get(variant, ("ipadapter",))


def results_of(places: Places, options: argparse.Namespace) -> Path:
    """The folder for what a training leaves; it is made here."""
    results = places.trainings / options.name
    results.mkdir(parents=True, exist_ok=True)
    return results


def keep_log(places: Places, options: argparse.Namespace) -> None:
    """Put the course of the training, as far as it has come, next to its pictures."""
    category = folders_of(options.variant)[0]
    log = places.base / "output" / "likeness-training" / category / f"{options.name}.log.jsonl"
    if log.is_file():
        shutil.copy2(log, results_of(places, options) / "log.jsonl")


def hand_over(places: Places, options: argparse.Namespace) -> None:
    """Put what was trained next to its pictures: the folder it was written to is ComfyUI's private one."""
    results = results_of(places, options)
    made: list[Path] = []
    for category in folders_of(options.variant):
        folder, target = places.base / "models" / category, results
        if category == "controlnet":
            target = results / category  # both files have the same name
            target.mkdir(exist_ok=True)
        for earlier in sorted(folder.glob(f"{glob.escape(options.name)}-step-*.safetensors")):
            shutil.copy2(earlier, target)
        made.append(shutil.copy2(folder / f"{options.name}.safetensors", target))
    print(f"Adapter:    {made[0]}")
    for net in made[1:]:
        print(f"ControlNet: {net}")
    print(f"Loss curve: {results / 'loss.png'}\nEvery step: {results / 'log.jsonl'}")
    print(f"Pictures:   {results}", flush=True)
