"""The command `run.py demo`: the small trained world, or one's own models, drawn through the real ComfyUI."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..client_process import client_status
from ..comfyui import Host
from ..folders import folders_in, options_for
from ..places import Places
from ..problems import say
from ..server import Server
from ..setup import Wanted, prepare


def demo(places: Places, options: argparse.Namespace) -> int:
    """draw the demonstration through the real ComfyUI and write its sheet to demo-output/"""
    models = options.models_dir.resolve() if options.models_dir else None
    host = prepare(places, Wanted(options.comfyui, options.python, miniature=models is None))
    client = _examples(places, models) if models else ["runner.demo.world"]
    return _drawn(places, host, models, [*client, "--pictures", places.pictures])


def examples(places: Places, models: Path, pictures: Path) -> int:
    """Draw the example workflows on one's own models: pictures and their sheet into a folder; the exit status."""
    host = prepare(places, Wanted(miniature=False))
    return _drawn(places, host, models, [*_examples(places, models), "--pictures", pictures])


def _drawn(places: Places, host: Host, models: Path | None, client: Sequence[str | Path]) -> int:
    extra = options_for(folders_in(models) if models else {}, places.work / "model-folders.yaml")
    say("Starting ComfyUI")
    with Server(host, places.base, places.server_log, extra) as server:
        module, *arguments = client
        return client_status(places, host, server, str(module), arguments)


def _examples(places: Places, models: Path) -> Sequence[str]:
    """The client that runs the example workflows on one's own models."""
    photographs = places.test_data / "photos"
    return ["runner.demo.examples", "--models", str(models), "--photographs", str(photographs)]
