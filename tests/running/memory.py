"""What a whole run keeps in memory is not looked through again at each collection of garbage: that took a tenth of it."""

import gc

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    gc.collect()
    gc.freeze()
