"""The tests that take minutes, and the test run on other pages, hosts and Pythons: each lane is one call of pytest."""

import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import environment, pythons, testing
from .comfyui import Host
from .frontends import NEWEST, frontend
from .places import Places, program_in
from .problems import Problem, say
from .recreated import HOSTS, recreated

SUMMARY = re.compile(r"^=*\s*(\d+ (?:passed|failed|error|skipped|deselected).* in [\d.]+s.*?)\s*=*$")
AT_ONCE = 2
LOUD = "!" * 100


@dataclass(frozen=True)
class Lane:
    """What one lane runs, and on what: a page by version, a re-created host by name, a Python by version, the engine.

    With none of them it runs on what the tests run on.

    `is_others` says that what fails may be the doing of a release that came out since our last run.
    """

    says: str
    arguments: tuple[str, ...]
    frontend: str | None = None
    host: str | None = None
    python: str | None = None
    engine: bool = False
    is_others: bool = False


_ON_HOSTS = (
    "tests/host/test_contract.py",
    "tests/host/test_laws.py",
    "tests/host/test_other_hosts.py",
    "tests/host/identitynet",
    "tests/host/instantid",
    "tests/host/composition",
    "tests/host/recreated",
)
# What CI has the time for; the hosts with one patch each run everything.
_ON_NEWER = (
    *_ON_HOSTS[:3],
    "tests/host/identitynet/test_identitynet.py",
    "tests/host/instantid/test_apply_instantid.py",
    "tests/host/composition/test_foreign_patches.py",
    "tests/host/composition/test_several_adapters.py",
    "tests/host/composition/test_conditionings.py",
    "tests/host/recreated",
)
# Its compiled models are not recognised, which is said in the log, so what is measured on them does not hold.
_WITHOUT_PARTS = (*_ON_HOSTS[:3], "tests/host/test_start.py", "tests/host/recreated")
_ON_PYTHONS = ("tests/unit", "tests/host/test_laws.py")
# Most of their time is the server's, which runs them all on the page of the tests: on the newest one by command.
_OLD_FILES = "tests/browser/test_old_workflows.py"
_FEW = "--maxfail=5"  # each failure may have waited long for what that page never shows

LANES: Mapping[str, Lane] = {
    "training": Lane("trainings, in one process and in several, stopped and gone on with", testing.APART["training"]),
    "workflows": Lane("every template and the old packs' files, opened and run", testing.APART["workflows"]),
    "compiled": Lane("torch.compile, and the fused kernel under Triton's interpreter", testing.APART["compiled"]),
    "long": Lane("the trained world, made-up files, drawn calls, servers under load and killed", testing.APART["long"]),
    "newest-frontend": Lane(
        "the page's tests on the newest page", ("tests/browser", f"--ignore={_OLD_FILES}", _FEW), NEWEST, is_others=True
    ),
    "newest-frontend-old-files": Lane(
        "the old packs' files, replaced on the newest page and run", (_OLD_FILES, _FEW), NEWEST, is_others=True
    ),
    **{
        f"host-{name}": Lane(
            f"laws, IdentityNet, InstantID and composition on a host with {', '.join(patches)}",
            {"newer": _ON_NEWER, "missing-parts": _WITHOUT_PARTS}.get(name, _ON_HOSTS),
            host=name,
        )
        for name, patches in HOSTS.items()
    },
    "batch": Lane("tables of rows on many hosts, with kills", ("tests/batch",), engine=True),
    "newest-python": Lane("unit tests and laws on the newest Python that is here", _ON_PYTHONS, python=NEWEST),
    **{
        f"python-{version}": Lane(f"unit tests and laws on Python {version}", _ON_PYTHONS, python=version)
        for version in pythons.VERSIONS
    },
}
IN_CI = (
    "newest-frontend",
    "training",
    "workflows",
    "host-newer",
    "compiled",
    "newest-python",
    "long",
    "host-missing-parts",
)
"""The longest first, as two run at once; the engine of batches is killed for as long as all of these, so by command."""


@dataclass(frozen=True)
class Outcome:
    """How a lane ended: pytest's summary, or why there was none; `on` is what it ran on."""

    name: str
    on: str
    summary: str
    is_good: bool

    @property
    def lane(self) -> Lane:
        return LANES[self.name]

    @property
    def counted(self) -> str | None:
        """How many tests passed and failed, without the time; None where none ran."""
        return self.summary.partition(" in ")[0] if SUMMARY.match(self.summary) else None


@dataclass(frozen=True)
class _Call:
    """A lane with everything in place."""

    name: str
    on: str
    places: Places
    host: Host
    told: Mapping[str, str]


def run(places: Places, host: Host, names: Sequence[str], is_strict: bool = False) -> tuple[list[Outcome], int]:
    """Run these lanes, two at once, each into a file of its own; how they ended, and 0 unless one failed that counts.

    A failure on somebody else's newest release is printed loudly, and counts if `is_strict`.
    """
    places.lanes.mkdir(parents=True, exist_ok=True)
    calls, outcomes = list[_Call](), list[Outcome]()
    for name in names:
        try:
            calls.append(_prepared(places, host, name))
        except Problem as problem:
            outcomes.append(Outcome(name, "nothing", str(problem), is_good=False))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes += pool.map(_run, calls)
    for line in _told(outcomes, places, is_strict):
        print(line, flush=True)
    return outcomes, int(any(_counts(outcome, is_strict) for outcome in outcomes))


def _prepared(places: Places, host: Host, name: str) -> _Call:
    lane, told, on = LANES[name], dict[str, str](), list[str]()
    if lane.frontend:
        page = frontend(places, lane.frontend)
        told |= page.environment
        on.append(f"page {page.version}")
    if lane.host:
        host = recreated(places, host, lane.host)
        told["LIKENESS_HOST"] = lane.host
        on.append(f"host {lane.host}")
    if lane.python:
        version, program = _python(lane.python)
        places = places.of_python(version, program)
        environment.prepare(places, environment.HOST, environment.TESTS)
        on.append(f"Python {version}")
    if lane.engine:
        told["LIKENESS_BATCH_PYTHON"] = str(environment.prepare_batch(places))
        on.append("the engine")
    return _Call(name, ", ".join(on) or "what the tests run on", places, host, told)


def _python(wanted: str) -> tuple[str, Path]:
    found = pythons.pythons()
    version = max(found, key=pythons.VERSIONS.index, default=None) if wanted == NEWEST else wanted
    if version is None or version not in found:
        raise Problem(
            f"This machine has no Python {wanted}; it has {', '.join(found) or 'none of those the pack is for'}.",
            "install it (python.org, pyenv or the system's packages), or leave this lane to a machine that has it.",
        )
    return version, found[version]


def _run(call: _Call) -> Outcome:
    say(f"Lane {call.name}: {LANES[call.name].says} ({call.on})")
    log, began = _log(call.places, call.name), time.monotonic()
    command = [program_in(call.places.env, "pytest"), *LANES[call.name].arguments]
    told = {**testing.environment_of(call.places, call.host), **call.told}
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(command, env=told, cwd=call.places.root, stdout=out, stderr=out, check=False)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    found = next((match[1] for match in map(SUMMARY.match, reversed(lines)) if match), None)
    seconds = time.monotonic() - began
    return Outcome(call.name, call.on, found or f"no summary after {seconds:.0f} s", done.returncode == 0)


def _log(places: Places, name: str) -> Path:
    return places.lanes / f"{name}.log"


def _counts(outcome: Outcome, is_strict: bool) -> bool:
    return not outcome.is_good and (is_strict or not outcome.lane.is_others)


def _told(outcomes: Iterable[Outcome], places: Places, is_strict: bool) -> Iterator[str]:
    """One line for each, and of what failed the names and where to read on."""
    for outcome in outcomes:
        if outcome.is_good:
            yield f"* Lane {outcome.name} ({outcome.on}): {outcome.summary}"
            continue
        log = _log(places, outcome.name)
        yield LOUD
        yield f"Lane {outcome.name} ({outcome.on}) FAILED: {outcome.summary}"
        if not _counts(outcome, is_strict):
            yield "It fails on the newest release of somebody else's, so it does not fail this run (--strict does)."
        if log.is_file():
            yield from (f"  {line}" for line in log.read_text(encoding="utf-8").splitlines() if _names(line))
            yield f"  Everything it said: {log}"
        yield LOUD


def _names(line: str) -> bool:
    return line.startswith(("FAILED ", "ERROR "))
