"""Makes the oracles importable and gathers every comparison into one table."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from results import Result, Results  # noqa: E402

REFERENCES = ("torch", "transformers", "diffusers", "ip-adapter")
EFFECT = 1e-2  # an adapter that changes less than this has not been tested
RESULTS = pytest.StashKey[Results]()
FAILED = pytest.StashKey[bool]()


def pytest_configure(config):
    config.stash[RESULTS] = Results()


@pytest.fixture
def results(pytestconfig):
    return pytestconfig.stash[RESULTS]


@pytest.fixture
def agrees(results):
    """A function that records a comparison and fails when it is above its limit or proves nothing."""

    def compare(check, family, oracle, difference, limit=1e-4, effect=None):
        results.add(Result(check, family, oracle, difference, limit, effect))
        assert difference <= limit, f"{check} ({family}) differs from {oracle} by {difference:.1e}, limit {limit:.0e}"
        assert effect is None or effect > EFFECT, f"{check} ({family}): the adapter changed only {effect:.1e}"

    return compare


@pytest.fixture(scope="session")
def loader(tmp_path_factory):
    """Loads the oracles' adapters into the pack, each once."""
    from ours import Loader

    return Loader(tmp_path_factory.mktemp("adapters"))


def pytest_terminal_summary(terminalreporter, config):
    results = config.stash[RESULTS]
    if results.rows:
        terminalreporter.section("parity: worst differences")
        terminalreporter.write_line(results.table())


def pytest_sessionfinish(session):
    """Keep the page of a run in which every module of this folder ran whole and nothing of it failed."""
    ours = [item for item in session.items if item.path.parent == HERE]
    whole = {item.path for item in ours} == set(HERE.glob("test_*.py")) and not session.config.getoption("keyword")
    if whole and not any(item.stash.get(FAILED, True) for item in ours):
        versions = (f"{name} {importlib.metadata.version(name)}" for name in REFERENCES)
        session.config.stash[RESULTS].write(versions)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or not report.passed
    return report
