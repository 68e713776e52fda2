"""The command `run.py train`: one training through the real ComfyUI, from a folder to a file."""

import argparse
import glob
import json
import shutil
from pathlib import Path

from ..client_process import client_status
from ..folders import options_for
from ..links import link_folder
from ..places import Places
from ..problems import say
from ..server import Server
from ..setup import Wanted, prepare
from .options import check
from .prompt import START_FOLDER, linked, prompt_for

CANCELLED = 130


def train(places: Places, options: argparse.Namespace) -> int:
    """train an IP-Adapter on a folder of pictures with captions, through the real ComfyUI, into train-output/"""
    check(options)
    models = [file.resolve() for file in (options.base_model, options.clip_vision) if file]
    host = prepare(places, Wanted(options.comfyui, options.python, miniature=not models))
    prompt = prompt_for(options, linked(options.pictures.resolve(), places.base / "input", options.name))
    file = places.work / "train.json"
    file.write_text(json.dumps(prompt, indent=1), encoding="utf-8")
    folders = dict(zip(("checkpoints", "clip_vision"), ([model.parent] for model in models), strict=False))
    if options.start_from:
        # Under a name of its own: ComfyUI finds a file by its name, and another folder may have one of the same.
        folders["ipadapter"] = [places.work / "train-start"]
        link_folder(options.start_from.resolve().parent, places.work / "train-start" / START_FOLDER)
    if not models:
        say("No --base-model is given: this is a trial training of small models with random weights.")
    say("Starting ComfyUI")
    results = places.trainings / options.name
    extra = options_for(folders, places.work / "model-folders.yaml")
    with Server(host, places.base, places.server_log, extra) as server:
        status = client_status(places, host, server, "runner.train", ["--prompt", file, "--pictures", results])
    _keep_log(places, options.name, results)
    if status == CANCELLED:
        say("Run the same command again: it resumes where it stopped.")
    if status == 0:
        _hand_over(places, options, results)
    return status


def _keep_log(places: Places, name: str, results: Path) -> None:
    """Put the course of the training, as far as it has come, next to its pictures."""
    log = places.base / "output" / "likeness-training" / "ipadapter" / f"{name}.log.jsonl"
    if log.is_file():
        results.mkdir(parents=True, exist_ok=True)
        shutil.copy2(log, results / "log.jsonl")


def _hand_over(places: Places, options: argparse.Namespace, results: Path) -> None:
    """Put the adapter next to its pictures: the folder it was written to is ComfyUI's private one."""
    folder = places.base / "models" / "ipadapter"
    for earlier in sorted(folder.glob(f"{glob.escape(options.name)}-step-*.safetensors")):
        shutil.copy2(earlier, results)
    made = shutil.copy2(folder / f"{options.name}.safetensors", results)
    print(f"Adapter:    {made}\nLoss curve: {results / 'loss.png'}\nEvery step: {results / 'log.jsonl'}")
    print(f"Pictures:   {results}", flush=True)
