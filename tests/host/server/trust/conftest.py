"""Lets the tests here use the makers of hostile files of the unit tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "unit" / "trust"))
