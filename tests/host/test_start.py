"""What a starting ComfyUI imports of the pack: the forms of its nodes, and not what they need only to run."""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"
MOST = 185
"""Modules of the pack that may be imported when ComfyUI starts."""
# Rooms and modules that are imported when a node of theirs runs.
LATE = (
    "attention.adapter.adapter",
    "attention.sampling",
    "attention.identitynet",
    "attention.regions",
    "attention.training.train",
    "face.detect",
    "face.embed",
    "face.models",
    "nodes.legacy.expand",
    "nodes.legacy.rewrite",
    "nodes.training.run",
)


def test_what_a_node_needs_only_to_run_is_imported_when_it_runs():
    code = (
        f"import json, sys; sys.argv = sys.argv[:1]; sys.path.append({str(BENCH)!r}); import host; host.reach(); "
        "print(json.dumps([name for name in sys.modules if name.startswith('pack.')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    imported = {name.removeprefix("pack.") for name in json.loads(done.stdout.splitlines()[-1])}
    assert "nodes.forms.apply_ip_adapter" in imported
    assert not [name for name in imported if name.startswith(LATE)]
    assert len(imported) <= MOST
