"""A short form of the fuzz run: so many files for each reader, led by the code that each file reaches."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).with_name("fuzz.py")
READERS = ("checkpoint", "embeds", "faces", "keypoints")
FILES = 1000


def test_no_made_up_file_ends_a_reader(tmp_path):
    if importlib.util.find_spec("atheris") is None:
        on_its_platform = sys.platform == "linux" and os.uname().machine == "x86_64" and sys.version_info >= (3, 11)
        (pytest.fail if os.environ.get("CI") and on_its_platform else pytest.skip)("atheris is not installed")
    command = [sys.executable, str(FUZZ), *READERS, "--files", str(FILES), "--keep", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    executed = re.findall(r"stat::number_of_executed_units:\s*(\d+)", said)
    assert len(executed) == len(READERS) and all(int(count) >= FILES for count in executed), said[-4000:]
