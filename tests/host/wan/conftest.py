"""Small Wans, a KSampler for videos, and the node under test, as fixtures."""

import films
import pytest
from films import wan_model


@pytest.fixture
def i2v():
    """Of four blocks."""
    return wan_model("short i2v")


@pytest.fixture
def whole():
    """Of the 40 blocks of Wan 14B."""
    return wan_model("wan2.1 i2v")


@pytest.fixture
def flf2v():
    return wan_model("short flf2v")


@pytest.fixture
def without_branch():
    """The same weights as those of `i2v`, loaded as a model that has no image branch."""
    return wan_model("short without branch")


@pytest.fixture
def film():
    return films.film


@pytest.fixture
def scale():
    return films.scale
