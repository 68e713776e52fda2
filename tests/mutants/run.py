"""Breaks the product on purpose, one claim at a time in a copy of it: each break must turn a test red."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from breaks import BREAKS, Break

ROOT = Path(__file__).resolve().parents[2]
PYTEST = Path(sys.executable).with_name("pytest")
COPIES = 2
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "demo-output", "train-output")
SOME_FAILED = 1  # pytest's exit status; others mean that it could not run the tests


@dataclass(frozen=True)
class Outcome:
    """A break, the tests that it turned red (none, if nothing noticed it), and what pytest printed."""

    broken: Break
    red: tuple[str, ...]
    output: str


def main(words: Sequence[str]) -> int:
    """Try every break whose claim has all `words` in it; the exit status."""
    chosen = [each for each in BREAKS if all(word in each.claim for word in words)]
    with tempfile.TemporaryDirectory() as scratch:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(COPIES):
            copies.put(shutil.copytree(ROOT, Path(scratch, str(number)), ignore=LEFT_OUT))

        def tried(broken: Break) -> Outcome:
            copy = copies.get()
            try:
                return _tried(broken, copy)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(COPIES) as pool:
            outcomes = []
            for outcome in pool.map(tried, chosen):
                print(f"{'noticed' if outcome.red else 'UNSEEN '}  {outcome.broken.claim}", flush=True)
                outcomes.append(outcome)
        for each in outcomes:
            if not each.red:
                print(f"\n{each.broken.claim}: no test of {' '.join(each.broken.tests)} failed\n{each.output}")
        unbroken = _pytest(copies.get(), sorted({outcome.red[0] for outcome in outcomes if outcome.red}))
    unseen = sum(not outcome.red for outcome in outcomes)
    if unbroken.returncode:
        print(f"The same tests do not pass on the unbroken pack:\n{unbroken.stdout}")
    print(f"{len(outcomes) - unseen} passed, {unseen + bool(unbroken.returncode)} failed")
    return 1 if unseen or unbroken.returncode else 0


def _tried(broken: Break, copy: Path) -> Outcome:
    file = copy / broken.file
    whole = file.read_text(encoding="utf-8")
    try:
        file.write_text(whole.replace(broken.before, broken.after), encoding="utf-8")
        done = _pytest(copy, broken.tests)
    finally:
        file.write_text(whole, encoding="utf-8")
    failed = copy / "cache" / "v" / "cache" / "lastfailed"
    red = tuple(json.loads(failed.read_text())) if done.returncode == SOME_FAILED else ()
    failed.unlink(missing_ok=True)
    return Outcome(broken, red, done.stdout)


def _pytest(copy: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [PYTEST, "-x", "-q", "--tb", "short", "-o", f"cache_dir={copy / 'cache'}", *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=environment, stdout=-1, stderr=-2, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
