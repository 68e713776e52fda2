"""A work folder for each test."""

import pytest


@pytest.fixture
def places(tmp_path):
    """A work folder of its own."""
    from runner.places import Places

    return Places(tmp_path)
