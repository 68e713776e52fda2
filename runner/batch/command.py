"""The command `run.py batch`: a table of rows and a prompt become pictures and a table of results."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..comfyui import existing_host
from ..folders import folders_in
from ..places import Places
from ..problems import Problem, say
from ..setup import Wanted, prepare
from . import run_file
from .course import Course, TooManyErrors
from .draw import Drawer, Failed, Limits
from .faults import Faulty
from .hosts import Drawing, Given, Own
from .jobs import Job, blocks, jobs_of, unknown_to
from .key import hash_of
from .options import USAGE, Misused, check, errors_allowed
from .report import SOME_ERRORS, report_of, write
from .result import recorded
from .serial import draw_all
from .store import Store, store_at


def batch(places: Places, options: argparse.Namespace) -> int:
    """draw a table of rows from one prompt, and go on where it stopped when it is run again; or report on it"""
    try:
        check(options)
        store = store_at(options.out)
        return _report(store) if options.report else _batch(places, options, store)
    except (Misused, Faulty) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return USAGE
    except TooManyErrors as problem:
        print(f"\n{problem}", file=sys.stderr)
        return SOME_ERRORS


def _batch(places: Places, options: argparse.Namespace, store: Store) -> int:
    jobs = jobs_of(options.manifest, options.prompt)
    say(f"{len(jobs)} rows, {len({job.needs for job in jobs})} different models and references")
    hosts = _hosts(places, options)
    limits = Limits(options.timeout, options.attempts, options.recycle)
    drawers = [_Checked(host, store, limits, jobs) for host in hosts]
    if options.dry_run:
        return _dry_run(drawers[0], store)
    settings = {"prompt": hash_of(options.prompt.read_bytes()), "plain": options.plain}
    run_file.begin(store, settings, {"command": sys.argv[1:]}, jobs)
    course = Course(sys.stdout, len(jobs), len(hosts), errors_allowed(options, len(jobs)))
    say(f"Drawing into {store.place}")
    draw_all(blocks(jobs, options.rows_per_block), drawers, store, course)
    run_file.end(store)
    return _report(store)


@dataclass
class _Checked(Drawer):
    """A drawer that, once its host answers, looks whether the host knows what the jobs name, before any is drawn."""

    jobs: Sequence[Job] = ()

    def start(self) -> None:
        super().start()
        faults = unknown_to(self.host.link.json("/object_info"), self.jobs)
        if faults:
            raise Faulty(faults)


def _hosts(places: Places, options: argparse.Namespace) -> list[Drawing]:
    if options.address:
        return [Given(address) for address in dict.fromkeys(options.address)]
    models = options.models_dir.resolve() if options.models_dir else None
    if options.comfyui:  # it runs in a folder of its own, so that nothing needs to be put in place
        host = existing_host(options.comfyui, options.python)
    else:
        host = prepare(places, Wanted(miniature=models is None))
    base = options.base_directory or (places.base if host.is_private else host.tree)
    say("Starting ComfyUI")
    return [Own(host, offered(base, models), ("--disable-metadata",) if options.plain else ())]


def offered(base: Path, models: Path | None) -> dict[str, list[Path]]:
    """The models and custom nodes that our ComfyUI is offered: of --models-dir, and of a base directory."""
    folders = folders_in(base / "models") if (base / "models").is_dir() else {}
    for category, group in (folders_in(models) if models else {}).items():
        folders[category] = [*group, *folders.get(category, ())]
    return {**folders, "custom_nodes": [base / "custom_nodes"]}


def _dry_run(drawer: Drawer, store: Store) -> int:
    try:
        drawer.start()
        found = Counter(_state(drawer, job, store) for job in drawer.jobs)
    finally:
        drawer.host.stop()
    say(f"Nothing is wrong. Drawn already: {found['drawn']} of {len(drawer.jobs)}.")
    unread = len(drawer.jobs) - found["drawn"] - found["to draw"]
    if unread:
        raise Problem(f"The files of {unread} rows cannot be read.", "see their addresses in the manifest.")
    return 0


def _state(drawer: Drawer, job: Job, store: Store) -> str:
    try:
        return "drawn" if recorded(store, drawer.key_of(job)) else "to draw"
    except Failed as failure:
        say(f"{job.id}: {failure}")
        return "unread"


def _report(store: Store) -> int:
    report = report_of(store)
    print(report)
    say(f"Results: {store.place}/{write(store, report)}")
    return report.status
