"""Which tests run in one process one after the other, which files begin first, and from which random state each begins."""

import sys

import pytest

# The tests of each share one server, and wait for it most of the time: side by side, the two leave no core idle.
SERVER = ("tests/host/server/", "tests/browser/")
FIRST = (
    *SERVER,
    "tests/rules/",
    "tests/host/test_laws.py",
    "tests/parity/",
    "tests/host/composition/",
    "tests/host/test_miniature.py",
    "tests/host/identitynet/",
    "tests/host/instantid/",
    "tests/host/flux/",
)
"""What takes long: the processes end together when the files that are left for the end are short ones."""


def group_of(nodeid):
    """The name of what is not split: everything on one server, else a file."""
    return next((folder for folder in SERVER if nodeid.startswith(folder)), nodeid.partition("::")[0])


def place_of(nodeid):
    """The sooner, the smaller."""
    return next((i for i, folder in enumerate(FIRST) if nodeid.startswith(folder)), len(FIRST))


def is_in_chinese(item):
    """Whether a test needs the page in Chinese: a page changes its language by being loaded anew, so these come last."""
    return hasattr(item, "callspec") and item.callspec.params.get("language") == "zh"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if "server" in item.fixturenames and group_of(item.nodeid) not in SERVER:
            raise pytest.UsageError(f"{item.nodeid} asks for the server: put it into one of {', '.join(SERVER)}")
    items.sort(key=lambda item: (place_of(item.nodeid), is_in_chinese(item)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group_of(nodeid)

    config.option.loadscopereorder = False  # else the groups with most tests would begin, not the longest
    return ByGroup(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """What a test draws does not depend on the tests before it; Python's and numpy's state are pytest-randomly's."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
