"""Makes the oracles importable and checks every comparison before it goes into the table."""

import os
import sys
from pathlib import Path

import pytest
from running.comparisons import Result

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("LIKENESS_TEST_DATA") or HERE.parents[1] / ".likeness" / "test-data")
sys.path.insert(0, str(HERE))

EFFECT = 1e-2  # an adapter that changes less than this has not been tested


@pytest.fixture
def agrees(compared):
    """A function that records a comparison and fails when it is above its limit or proves nothing."""

    def compare(check, family, oracle, difference, limit=1e-4, effect=None):
        compared(Result(check, family, oracle, difference, limit, effect))
        assert difference <= limit, f"{check} ({family}) differs from {oracle} by {difference:.1e}, limit {limit:.0e}"
        assert effect is None or effect > EFFECT, f"{check} ({family}): the adapter changed only {effect:.1e}"

    return compare


@pytest.fixture
def previews(tmp_path):
    """Where nodes that run leave what they show."""
    import folder_paths

    before = folder_paths.temp_directory
    folder_paths.set_temp_directory(str(tmp_path))
    yield
    folder_paths.set_temp_directory(before)


@pytest.fixture(autouse=True, scope="module")
def wide_encoders_go():
    """Encoders of published widths take half a GiB each, twice: none outlives the file that asked for it."""
    yield
    if made := sys.modules.get("oracles.encoders"):
        made.encoder.cache_clear()


@pytest.fixture(scope="session")
def loader(tmp_path_factory):
    """Loads the oracles' adapters into the pack, each once."""
    from ours import Loader

    return Loader(tmp_path_factory.mktemp("adapters"))


@pytest.fixture(scope="session")
def test_data():
    """The folder of real face models and photos: run.py puts it below .likeness."""
    if not all((DATA / part).is_dir() for part in ("insightface", "photos")):
        # Missing data is a failure where nobody would notice a skip.
        reason = f"face models and photos are not in {DATA}; 'python run.py test' fetches them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return DATA
