"""The command that says in one list whether the pack can be released, and leaves its archive and notes."""

import argparse
from collections.abc import Iterator

from .. import environment
from ..checks import Check, ask, checks
from ..locks import only_one
from ..places import Places
from ..problems import Problem, say
from .archive import build
from .needs import Candidate, judged


def release(places: Places, options: argparse.Namespace) -> int:
    """check everything that a release needs, and build its archive and notes in .likeness/releases/"""
    with only_one(places.work / "lock"):
        python = environment.bootstrap(places)
        environment.prepare_tools(places)
    places.releases.mkdir(parents=True, exist_ok=True)
    candidate = Candidate(places.root, build(places, places.releases))
    rules = [check for check in checks(places, python) if check.env == places.tools]
    found = [*judged(candidate), *(_asked(check, places) for check in rules)]
    print("\n".join(_lines(found)), flush=True)
    notes = candidate.archive.with_suffix(".md")
    notes.write_text(candidate.entry.text + "\n", encoding="utf-8")
    say(f"The archive is {candidate.archive}, its notes {notes.name} beside it.")
    wrong = sum(isinstance(one, Problem) for one in found)
    say(f"Not to be published: {wrong} of {len(found)} needs are not met." if wrong else "It can be published.")
    return int(wrong > 0)


def _asked(check: Check, places: Places) -> str | Problem:
    answer = ask(check, places)
    program = " ".join(check.command)
    if answer.returncode:
        return Problem(f"{check.name.capitalize()}: `{program}` found something:\n{answer.stdout}", "mend it.")
    return f"{check.name.capitalize()}: `{program}` found nothing."


def _lines(found: "list[str | Problem]") -> Iterator[str]:
    """What is to be mended first, as Check Installation has it."""
    yield from (f"! {one.what}\n    {one.cure}" for one in found if isinstance(one, Problem))
    yield from (f"  {one}" for one in found if isinstance(one, str))
