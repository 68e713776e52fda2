"""The command `run.py verify`: compare a folder of published weights in an environment with the reference packages."""

import argparse
import os

from ..client_process import START
from ..demo.command import examples
from ..places import Places
from ..problems import Problem
from ..processes import status_of
from ..setup import Wanted, prepare


def verify(places: Places, options: argparse.Namespace) -> int:
    """compare one's own weights, by our nodes and by diffusers, transformers and insightface; write verify-output/"""
    if options.models_dir is None:
        raise Problem("verify needs --models-dir.", "name a ComfyUI models folder, or a folder with the weights.")
    models = options.models_dir.resolve()
    if not models.is_dir():
        raise Problem(f"{models} is not a folder.", "give --models-dir the folder with the weights.")
    host = prepare(places, Wanted(tests=True, miniature=False))
    command = [host.python, "-c", START, places.root, "runner.verify", host.tree, "--models", models]
    command += ["--photo", places.test_data / "photos" / "obama.jpg", "--output", places.comparisons]
    command += ["--device", options.device]
    status = status_of(command, env={**os.environ, "PYTHONUTF8": "1"}, cwd=host.tree)
    drawn = examples(places, models, places.comparisons) if options.sheet else 0
    return status or drawn


def add_to(form: argparse.ArgumentParser) -> None:
    """The options of the command."""
    form.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where both sides compute")
    form.add_argument(
        "--sheet", action="store_true", help="draw the demonstration's sheet with these weights too, beside the report"
    )
