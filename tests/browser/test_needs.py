"""What these tests need: without it they are skipped at a desk and fail in CI."""

import sys

import pytest

from . import conftest


@pytest.mark.parametrize(("ci", "ends"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_tool_is_never_overlooked_in_ci(ci, ends, monkeypatch):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setitem(sys.modules, "playwright", None)
    monkeypatch.setenv("PATH", "")
    for needed, name in ((conftest.playwright, "playwright"), (conftest.program, "chromium")):
        with pytest.raises(ends, match=f"no .*{name}"):
            needed()
