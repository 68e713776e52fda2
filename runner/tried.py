"""Lanes that ran -> the table in docs/exactness.md, in both languages, of what the pack was tried with, kept as facts beside them."""

import json
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from .environment import PINS
from .lanes import LANES, Outcome
from .recreated import HOSTS

FACTS = Path("docs", "tried.json")
PAGES = ("docs/exactness.md", "docs/exactness.zh-CN.md")
TABLE = re.compile(r"(?<=<!-- tried -->\n).*?(?=<!-- end of tried -->)", re.DOTALL)
WHOLE = "run.py test"
_VERSION = re.compile(r"__version__ = \"([^\"]+)\"")

Facts = Mapping[str, Mapping[str, str]]


def record(root: Path, tree: Path, outcomes: Iterable[Outcome]) -> None:
    """Write facts and tables below `root` anew: the whole run on the pinned tree, and every lane that has a summary."""
    main = _pinned(tree)
    known: dict[str, Mapping[str, str]] = {WHOLE: {**main, "result": "passed"}}  # first, whatever was written before it
    known |= {name: fact for name, fact in read(root).items() if name != WHOLE}
    for outcome in outcomes:
        if outcome.counted:
            known[f"--lane {outcome.name}"] = {**main, **_on(outcome, main), "result": outcome.counted}
    write_if_other(root / FACTS, json.dumps(known, indent=1) + "\n")
    for name in PAGES:
        page = root / name
        text = page.read_text(encoding="utf-8")
        write_if_other(page, TABLE.sub(lambda found: table(known, found[0]), text))


def read(root: Path) -> dict[str, Mapping[str, str]]:
    """The facts that are kept."""
    file = root / FACTS
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def table(facts: Facts, before: str) -> str:
    """The facts as Markdown, below the head that the table has now: it is in the language of its page."""
    head = before.splitlines()[0]
    rows = [f"| `{name}` | {' | '.join(fact[key] for key in COLUMNS)} |" for name, fact in facts.items()]
    return "\n".join((head, "|" + " --- |" * (len(COLUMNS) + 1), *rows)) + "\n"


COLUMNS = ("ComfyUI", "page", "torch", "Python", "result")


def write_if_other(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _pinned(tree: Path) -> dict[str, str]:
    pins = dict(re.findall(r"^([\w-]+)==([^ \n]+)", (PINS / "host.txt").read_text(encoding="utf-8"), re.MULTILINE))
    version = _VERSION.search((tree / "comfyui_version.py").read_text(encoding="utf-8"))
    return {
        "ComfyUI": version[1] if version else "?",
        "page": pins["comfyui-frontend-package"],
        "torch": pins["torch"],
        "Python": ".".join(platform.python_version_tuple()[:2]),
    }


def _on(outcome: Outcome, main: Mapping[str, str]) -> dict[str, str]:
    """What a lane ran on that is not what the main run has."""
    lane, found = LANES[outcome.name], dict[str, str]()
    words = dict(part.split(" ", 1) for part in outcome.on.split(", "))
    if lane.frontend:
        found["page"] = words["page"]
    if lane.python:
        found["Python"] = words["Python"]
    if lane.host:
        found["ComfyUI"] = f"{main['ComfyUI']} + {', '.join(HOSTS[lane.host])}"
    return found
