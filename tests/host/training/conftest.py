"""Makes what these tests share importable, and leaves inference mode as the trainer does."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def as_the_trainer_runs():
    with torch.inference_mode(False):
        yield
