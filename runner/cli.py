"""Turns the command line into one command and its outcome into an exit status."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .commands import COMMANDS
from .places import Places
from .problems import Problem

EPILOG = "What follows -- or is not known here goes to pytest (test) or to the benchmark (bench)."


def parser() -> argparse.ArgumentParser:
    """The form of the command line."""
    form = argparse.ArgumentParser(
        prog="run.py", description="ComfyUI with Likeness, from a fresh machine.", epilog=EPILOG
    )
    commands = form.add_subparsers(dest="command", required=True, metavar="demo | test | serve | bench")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.__doc__, description=command.__doc__, epilog=EPILOG)
        sub.add_argument(
            "--comfyui",
            type=Path,
            metavar="PATH",
            help="use the ComfyUI in this folder; nothing is installed into it",
        )
        sub.add_argument(
            "--python",
            type=Path,
            metavar="PATH",
            help="the Python of that ComfyUI, if it is not found beside it",
        )
        sub.add_argument(
            "--models-dir",
            type=Path,
            metavar="PATH",
            help="a folder with real checkpoints, or a ComfyUI models folder",
        )
    return form


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of one call; `extra` holds what is passed on."""
    options, extra = parser().parse_known_args(arguments)
    options.extra = [argument for argument in extra if argument != "--"]
    if options.extra and options.command not in ("test", "bench"):
        parser().error(f"unknown arguments: {' '.join(options.extra)}")
    return options


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
        print("\nInterrupted. Run the same command again: it takes up where it stopped.", file=sys.stderr)
        return 130
