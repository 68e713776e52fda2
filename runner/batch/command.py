"""The command `run.py batch`: a table of rows and a prompt become pictures and a table of results."""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ..comfyui import existing_host
from ..folders import folders_in
from ..places import Places, program_in
from ..problems import say
from ..setup import Wanted, prepare
from . import references
from .course import TooManyErrors
from .faults import Faulty
from .hosts import Given
from .jobs import jobs_of, prompt_at, together
from .key import hash_of
from .options import NO_ENGINE, USAGE, Misused, check, hosts_of, urls_of
from .report import SOME_ERRORS, Report, report_of, write
from .store import Store, store_at
from .there import engine_python, there
from .ways import Engine, OneByOne, Ours, Way, drawn, tried

MODULE = "runner.batch"


def batch(places: Places, options: argparse.Namespace) -> int:
    """draw a table of rows from one prompt, and go on where it stopped when it is run again; or report on it"""
    try:
        check(options)
        if options.report:
            return _report_here_or_there(places, options)
        return _batch(places, options)
    except (Misused, Faulty) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return USAGE
    except TooManyErrors as problem:
        print(f"\n{problem}", file=sys.stderr)
        return SOME_ERRORS


def _batch(places: Places, options: argparse.Namespace) -> int:
    if urls_of(options):
        return _staged(options, OneByOne(options, [Given(address) for address in urls_of(options)]))
    if not options.here and hosts_of(options) == NO_ENGINE:
        jobs_of(options.manifest, options.prompt)  # what is wrong with it is told before anything is put in place
    ours = _ours(places, options)
    hosts = hosts_of(options) or _one_for_each_card(ours)
    if hosts == NO_ENGINE:
        say("Starting ComfyUI")
        return _staged(options, OneByOne(options, [ours.own()]))
    if options.here:
        return _staged(options, Engine(options, ours, hosts))
    words = ["--comfyui", ours.host.tree, "--python", ours.host.python, "--base-directory", ours.base]
    words = [*options.words[1:], *words, "--hosts", f"{hosts[0]}:{hosts[1]}"]
    return there(engine_python(places), MODULE, words)


def _ours(places: Places, options: argparse.Namespace) -> Ours:
    models = options.models_dir.resolve() if options.models_dir else None
    if options.comfyui:  # it runs in a folder of its own, so that nothing needs to be put in place
        host = existing_host(options.comfyui, options.python)
    else:
        host = prepare(places, Wanted(miniature=models is None))
    base = (options.base_directory or (places.base if host.is_private else host.tree)).resolve()
    return Ours(host, base, offered(base, models), ("--disable-metadata",) if options.plain else ())


def _one_for_each_card(ours: Ours) -> tuple[int, int]:
    """The hosts for the cards of this machine; one alone needs no engine."""
    count = "import torch; print(torch.cuda.device_count())"
    done = subprocess.run([str(ours.host.python), "-c", count], capture_output=True, text=True, check=False)
    cards = int(done.stdout) if done.returncode == 0 else 0
    return (cards, cards) if cards > 1 else NO_ENGINE


def _staged(options: argparse.Namespace, way: Way) -> int:
    """Read everything, then encode the references if that is asked for, then draw."""
    jobs = jobs_of(options.manifest, options.prompt)
    say(f"{len(jobs)} rows, {len({job.needs for job in jobs})} different models and references")
    store = store_at(options.out)
    settings = {"prompt": _hash_of(options.prompt), "plain": options.plain, "references": _hash_of(options.references)}
    if options.references:
        photos = references.photos_of(jobs)
        first = references.encoding(prompt_at(options.references), photos)
        if options.dry_run:
            tried(way, [*first, *jobs], store)
            return 0
        below = store_at(f"{store.place}/{references.FOLDER}")
        say(f"Encoding {len(first)} references")
        report = drawn(way, first, below, {"prompt": settings["references"]})
        jobs = together(references.with_files(jobs, references.files_of(report, photos, below.place)))
    if options.dry_run:
        tried(way, jobs, store)
        return 0
    return _told(store, drawn(way, jobs, store, settings))


def _hash_of(file: Path | None) -> str | None:
    return hash_of(file.read_bytes()) if file else None


def offered(base: Path, models: Path | None) -> dict[str, list[Path]]:
    """The models and custom nodes that our ComfyUI is offered: of --models-dir, and of a base directory."""
    folders = folders_in(base / "models") if (base / "models").is_dir() else {}
    for category, group in (folders_in(models) if models else {}).items():
        folders[category] = [*group, *folders.get(category, ())]
    return {**folders, "custom_nodes": [base / "custom_nodes"]}


def _report_here_or_there(places: Places, options: argparse.Namespace) -> int:
    """What the engine has written is read by its Python, where this one cannot."""
    python = program_in(places.batch, "python")
    if not options.here and find_spec("pyarrow") is None and python.is_file():
        return there(python, MODULE, options.words[1:])
    store = store_at(options.out)
    return _told(store, report_of(store))


def _told(store: Store, report: Report) -> int:
    print(report)
    say(f"Results: {store.place}/{write(store, report)}")
    return report.status
