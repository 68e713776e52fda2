"""The archive that users would be given is whole, and meets every need of a release but those of the day itself."""

import os
import zipfile

import pytest

from runner.places import Places, program_in
from runner.problems import Problem
from runner.release.archive import build
from runner.release.needs import Candidate, judged

PLACES = Places()
OF_THE_DAY = ("Not committed", "CHANGELOG.md calls")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """What comfy-cli packs of this tree."""
    program = program_in(PLACES.tools, "comfy")
    if not program.is_file():
        reason = f"{program} is not there; 'python run.py test' puts it there"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return build(PLACES, tmp_path_factory.mktemp("releases"))


def test_it_meets_every_need_but_those_of_the_day(archive):
    found = [one for one in judged(Candidate(PLACES.root, archive)) if isinstance(one, Problem)]
    assert not [one for one in found if not one.what.startswith(OF_THE_DAY)]


def test_what_is_packed_is_what_is_here(archive):
    with zipfile.ZipFile(archive) as opened:
        other = [name for name in opened.namelist() if opened.read(name) != (PLACES.root / name).read_bytes()]
    assert not other
