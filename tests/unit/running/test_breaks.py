"""The breaks that `run.py test --mutants` tries can still be made, and their tests are there."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "mutants"))
from breaks import BREAKS  # noqa: E402


def test_each_break_is_a_change_at_one_place():
    found = {each.claim: (ROOT / each.file).read_text(encoding="utf-8").count(each.before) for each in BREAKS}
    assert {claim: count for claim, count in found.items() if count != 1} == {}
    assert len(found) == len(BREAKS) >= 25


def test_a_broken_file_can_still_be_imported():
    for each in BREAKS:
        ast.parse((ROOT / each.file).read_text(encoding="utf-8").replace(each.before, each.after))


def test_the_tests_that_must_notice_are_there():
    paths = [argument for each in BREAKS for argument in each.tests if argument.startswith("tests/")]
    assert [path for path in paths if not (ROOT / path).exists()] == []
