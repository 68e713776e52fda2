"""Style, types, and what the registry and the community ask of a node pack: the whole tree passes every check."""

import os
import sys
from pathlib import Path

import pytest

from runner.checks import ask, checks
from runner.places import Places

PLACES = Places()


@pytest.mark.parametrize("check", checks(PLACES, Path(sys.executable)), ids=lambda check: check.name)
def test_nothing_is_found(check):
    if not check.program.is_file():
        reason = f"{check.program} is not there; 'python run.py test' puts it there"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    found = ask(check, PLACES)
    assert found.returncode == 0, f"{' '.join(check.command)} found something:\n{found.stdout}"
