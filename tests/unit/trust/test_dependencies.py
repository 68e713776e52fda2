"""What the pack asks to be installed: each package from some version on, and the same in both lists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BOUND = re.compile(r"[a-z0-9-]+>=\d+(\.\d+)*(;.*)?")


def asked_for():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    return re.findall(r'^ +"(.*)",$', block[1], re.MULTILINE)


def test_every_dependency_has_a_lower_bound():
    asked = asked_for()
    assert len(asked) == 4
    assert all(BOUND.fullmatch(each) for each in asked)


def test_both_lists_are_the_same():
    listed = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [each.replace('"', "'") for each in listed] == asked_for()
