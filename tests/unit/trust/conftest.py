"""Lets the tests here import the makers of hostile files beside them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def faceid():
    """A whole adapter with a LoRA, nested as the authors' `.bin` files are."""
    from miniature import adapters

    return adapters.adapter_state_dict("sd15", "faceid", 5)


@pytest.fixture
def not_run(tmp_path):
    """A path that no file may bring into being: whatever runs code from a file makes it."""
    marker = tmp_path / "code was run"
    yield marker
    assert not marker.exists()
