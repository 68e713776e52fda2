"""`--gpus N` told to end: its processes are told, and what is shown is a sentence."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from serving.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
PROCESS = f"""
import signal, sys
sys.path.insert(0, {str(ROOT)!r})
from runner.train import together
from runner.train.seats import Seat

def joined(*_):
    print("here", flush=True)
    signal.pause()

together._joined = joined
sys.exit(together.process(None, None, Seat(0, 1, 0), None))
"""
COMMAND = f"""
import sys
from pathlib import Path
from types import SimpleNamespace
sys.path.insert(0, {str(ROOT)!r})
from runner import cli
from runner.places import Places
from runner.train import launch

launch._check_cards = lambda *_: None
host = SimpleNamespace(python=sys.executable, tree=Path())
cli.COMMANDS["train"] = lambda _, options: launch.started(Places(Path(sys.argv[1])), host, options, 1)
sys.exit(cli.main(["train", "--pictures", "p", "--name", "n", "--gpus", "1"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are another thing there")
@pytest.mark.parametrize(("tell", "status"), [(os.killpg, 130), (os.kill, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_it_ends_its_processes_without_a_traceback(tmp_path, tell, status):
    """Ctrl-C is told to all of a terminal's programs, SIGTERM to the command alone."""
    pytest.importorskip("torch")
    (tmp_path / "run.py").write_text(PROCESS, encoding="utf-8")
    command = [sys.executable, "-c", COMMAND, tmp_path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as running:
        assert any("here" in line for line in running.stdout)
        tell(running.pid, signal.SIGINT if tell is os.killpg else signal.SIGTERM)
        out, err = running.communicate(timeout=3 * PATIENCE)
    assert (running.returncode, out, err) == (status, "", "")
