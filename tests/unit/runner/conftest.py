"""Makes `runner` importable by its path: the repository itself must stay off sys.path."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

if "runner" not in sys.modules:
    folder = ROOT / "runner"
    spec = importlib.util.spec_from_file_location(
        "runner", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules["runner"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["runner"])


@pytest.fixture
def places(tmp_path):
    """A work folder of its own."""
    from runner.places import Places

    return Places(tmp_path)
