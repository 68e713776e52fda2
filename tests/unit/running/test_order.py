"""What shares a server is never split, files are never split, and what takes long begins first."""

from pathlib import Path

import pytest
from running import order

ROOT = Path(__file__).resolve().parents[3]


def test_what_shares_a_server_is_one_process_s():
    assert order.group_of("tests/host/server/trust/test_load.py::test_a") == "tests/host/server/"
    assert order.group_of("tests/browser/test_nodes.py::test_b[x::y]") == "tests/browser/"


def test_other_files_go_where_there_is_room():
    assert order.group_of("tests/host/test_laws.py::test_a[x::y]") == "tests/host/test_laws.py"


def test_what_takes_long_begins_first():
    names = ["tests/unit/test_a.py::t", "tests/browser/test_a.py::t", "tests/host/server/test_a.py::t"]
    assert sorted(names, key=order.place_of) == names[::-1]


def test_what_begins_first_is_there():
    assert all((ROOT / place).exists() for place in order.FIRST)


class Item:
    def __init__(self, nodeid, *fixturenames):
        self.nodeid, self.fixturenames = nodeid, fixturenames


def test_what_asks_for_the_server_from_elsewhere_is_refused():
    """It would start a server of its own in the other process."""
    order.pytest_collection_modifyitems([Item("tests/browser/test_a.py::t", "api", "server")])
    with pytest.raises(pytest.UsageError, match="tests/host/test_a.py::t"):
        order.pytest_collection_modifyitems([Item("tests/host/test_a.py::t", "api", "server")])
