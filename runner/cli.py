"""Turns the command line into one command and its outcome into an exit status."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .batch import options as batch_options
from .commands import COMMANDS
from .encode import options as encode_options
from .lanes import IN_CI, LANES
from .places import Places
from .problems import Problem
from .testing import DEVICES, FORMS
from .train import options as train_options
from .verify import command as verify_command

PASS_ON = ("test", "bench")
EPILOG = "Arguments that are not listed here go to pytest or the benchmark."

ADDED = {
    "train": train_options.add_to,
    "encode": encode_options.add_to,
    "batch": batch_options.add_to,
    "verify": verify_command.add_to,
}
"""The commands that have options of their own."""

OPTIONS = {
    "--comfyui": (
        "use the ComfyUI in this folder; nothing is installed into it",
        ("demo", "train", "encode", "batch", "test", "check", "serve", "bench"),
    ),
    "--python": (
        "the Python of that ComfyUI, if it is not found next to it",
        ("demo", "train", "encode", "batch", "test", "check", "serve", "bench"),
    ),
    "--models-dir": (
        "a folder with real checkpoints, or a ComfyUI models folder",
        ("demo", "batch", "serve", "verify"),
    ),
}


def parser() -> argparse.ArgumentParser:
    """The form of the command line."""
    form = argparse.ArgumentParser(prog="run.py", description="ComfyUI with Likeness, from a fresh machine.")
    commands = form.add_subparsers(dest="command", required=True, metavar=" | ".join(COMMANDS))
    for name, command in COMMANDS.items():
        epilog = EPILOG if name in PASS_ON else None
        # Without abbreviations, so that an option meant for pytest (--co) is not taken for one of ours.
        sub = commands.add_parser(
            name, help=command.__doc__, description=command.__doc__, epilog=epilog, allow_abbrev=False
        )
        sub.set_defaults(comfyui=None, python=None, models_dir=None)
        for option, (says, belongs_to) in OPTIONS.items():
            if name in belongs_to:
                sub.add_argument(option, type=Path, metavar="PATH", help=says)
        if name in ADDED:
            ADDED[name](sub)
        if name == "test":
            _add_hosts(sub)
            forms = sub.add_mutually_exclusive_group()
            for name_of_form, kind in FORMS.items():
                forms.add_argument(
                    f"--{name_of_form}", dest="form", action="store_const", const=name_of_form, help=kind.says
                )
    return form


def _add_hosts(sub: argparse.ArgumentParser) -> None:
    """The options that say on what the tests run, beside --comfyui."""
    sub.add_argument(
        "--frontend", metavar="VERSION", help="run them on this version of ComfyUI's page, or on the newest"
    )
    sub.add_argument(
        "--device",
        choices=DEVICES,
        help="run what computes on a card: in the private environment, or in --python with its own torch and pytest",
    )
    known = ", ".join(LANES)
    sub.add_argument("--lane", dest="lanes", action="append", choices=LANES, metavar="NAME", help=f"only this: {known}")
    sub.add_argument(
        "--lanes", action="store_const", const=list(IN_CI), help="only the lanes that CI runs after the tests"
    )
    sub.add_argument(
        "--record", action="store_true", help="write what the lanes ran on into docs/exactness.md, as CI does"
    )
    sub.add_argument("--strict", action="store_true", help="let a lane on somebody else's newest release fail the run")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of one call; `extra` holds what is passed on."""
    options, extra = parser().parse_known_args(arguments)
    options.words = list(arguments)
    options.extra = [argument for argument in extra if argument != "--"]
    if options.extra and options.command not in PASS_ON:
        parser().error(f"unknown arguments: {' '.join(options.extra)}")
    if options.python and not options.comfyui:
        parser().error("--python goes with --comfyui")
    if options.command == "test":
        _refuse_mixed(options)
    return options


def _refuse_mixed(options: argparse.Namespace) -> None:
    """A card is for the run of tests itself, and a Python of one's own for a card: its packages are not pinned by us."""
    if options.python and not options.device:
        parser().error("test --python goes with --device")
    beside = ("form", "lanes", "frontend")
    if options.device and any(getattr(options, name) for name in beside):
        parser().error("test --device goes without --quick, --mutants, --lane, --lanes and --frontend")


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit status."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a server we started is stopped too
    try:
        return COMMANDS[options.command](Places(), options)
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it resumes where it stopped.", file=sys.stderr)
        return 130
