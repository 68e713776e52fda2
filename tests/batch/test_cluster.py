"""In a cluster that is there already: one of its machines is lost, and its rows are drawn on the other."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from serving.patience import until
from watched import is_alive, parent_of, words_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals, looks into /proc")
HERE = Path(__file__).parent
GUARDED = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "5" * 64, "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture
def cluster(engine_python, tmp_path):
    """The address of a cluster of two machines, whose processes note in `one`."""
    told = {"PYTHONPATH": str(HERE.parents[1]), "RAY_worker_niceness": "0", "OMP_NUM_THREADS": "1"}
    told["LIKENESS_BATCH_NOTES"] = str(tmp_path / "one" / "notes.jsonl")
    with subprocess.Popen(
        [engine_python, HERE / "nodes.py"],
        env={**os.environ, **GUARDED, **told},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process.stdout.readline().decode().strip()
        process.stdin.close()
        process.wait(60)


def test_a_machine_is_lost_and_its_rows_are_drawn_on_the_other(batch, cluster, monkeypatch):
    for name, value in GUARDED.items():
        monkeypatch.setenv(name, value)
    two = batch()
    table = [
        {"id": f"r{i:02}", "witness.name": f"r{i:02}", "witness.number": i, "witness.does": "takes long"}
        for i in range(24)
    ]
    two.begin(table, "--hosts", "2", "--address", cluster, "--rows-per-block", "1")

    def machines():
        """The raylet of each actor that has drawn, with its ComfyUI."""
        return {parent_of(note["actor"]): note["host"] for note in two.notes if is_alive(note["actor"])}

    two.until_drawn(1)
    until(lambda: len(machines()) == 2 or two.process.poll() is not None, "rows on both machines")
    (lost,) = [raylet for raylet in machines() if "--head" not in words_of(raylet)]
    host = machines()[lost]
    os.kill(lost, signal.SIGKILL)
    until(lambda: not is_alive(host), "the end of the ComfyUI of a lost machine")
    assert two.process.wait(600) == 0, two.said
    results = two.results()
    assert [line["id"] for line in results] == [row["id"] for row in table] and not any(
        line["error"] for line in results
    )
    assert len({line["pictures"][0] for line in results}) == 24
    assert sum(two.drawn.values()) <= 24 + 1, "one for the machine that was lost"
