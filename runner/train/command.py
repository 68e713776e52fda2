"""The command `run.py train`: one training through the real ComfyUI, from a folder to a file, by one process or several."""

import argparse
import json
import os

from ..client_process import client_status
from ..folders import options_for
from ..places import Places
from ..problems import say
from ..server import Server
from ..setup import Wanted, prepare
from .launch import started
from .model_folders import link_starts, model_folders
from .options import check
from .prompt import linked, prompt_for
from .results import hand_over, keep_log, results_of
from .seats import STOPPED, seat_in
from .together import process
from .training import TRAINING


def train(places: Places, options: argparse.Namespace) -> int:
    """train an IP-Adapter on a folder of pictures with captions, through the real ComfyUI, into train-output/"""
    seat = seat_in(os.environ)
    check(options, seat)
    if seat is not None:
        return process(places, options, seat, TRAINING)
    host = prepare(places, Wanted(options.comfyui, options.python, miniature=not options.base_model))
    if not options.base_model:
        say("No --base-model is given: this is a trial training of small models with random weights.")
    link_starts(places, options)
    if options.gpus:
        status = started(places, host, options, options.gpus)
        if status == STOPPED:
            say("Run the same command again: it resumes where it stopped, with any number of processes.")
        return status
    prompt = prompt_for(options, linked(options.pictures.resolve(), places.base / "input", options.name))
    file = places.work / "train.json"
    file.write_text(json.dumps(prompt, indent=1), encoding="utf-8")
    say("Starting ComfyUI")
    results = results_of(places, options)
    extra = options_for(model_folders(places, options), places.work / "model-folders.yaml")
    with Server(host, places.base, places.server_log, extra) as server:
        status = client_status(places, host, server, "runner.train", ["--prompt", file, "--pictures", results])
    keep_log(places, options)
    if status == STOPPED:
        say("Run the same command again: it resumes where it stopped.")
    if status == 0:
        hand_over(places, options)
    return status
