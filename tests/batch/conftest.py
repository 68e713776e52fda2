"""Batches in processes of their own, with the engine and with real ComfyUIs; a lane of the tests, not of every run."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from serving.fixtures import node
from serving.patience import PATIENCE, until

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # what these tests share
COMFYUI = Path(os.environ.get("LIKENESS_COMFYUI") or ROOT / ".likeness" / "ComfyUI")
ENGINE = Path(os.environ.get("LIKENESS_BATCH_PYTHON") or ROOT / ".likeness" / "batch-env" / "bin" / "python")
ENGINE_PATIENCE = 10 * PATIENCE
"""For what has the engine, an actor and one ComfyUI after the other begin."""


def pytest_ignore_collect(collection_path, config):
    """They take minutes, so they run where they are asked for by name."""
    asked = any(Path(argument.partition("::")[0]).resolve().is_relative_to(HERE) for argument in config.args)
    return None if asked else True


@pytest.fixture
def base(tmp_path):
    """A base directory with the pack, the miniature, the witness, and the models that the set-up has written."""
    from runner.links import link_folder

    custom_nodes = tmp_path / "base" / "custom_nodes"
    custom_nodes.mkdir(parents=True)
    link_folder(ROOT, custom_nodes / "comfyui-likeness")
    link_folder(ROOT / "tests" / "miniature", custom_nodes / "likeness-miniature")
    link_folder(HERE / "witness", custom_nodes / "likeness-batch-witness")
    link_folder(ROOT / ".likeness" / "base" / "models", tmp_path / "base" / "models")
    return tmp_path / "base"


@pytest.fixture
def quick():
    """A prompt that draws in no time."""
    return {
        "wall": node("EmptyImage", width=64, height=64, batch_size=1, color=0xFFFFFF),
        "witness": node("BatchWitness", image=["wall", 0], name="", does="", number=0),
        "save": node("SaveImage", images=["witness", 0], filename_prefix="x"),
    }


class Batch:
    """The command, as run.py starts it, in a process that can be killed."""

    def __init__(self, folder, base, graph):
        self.folder, self.base = folder, base
        self.out, self.notes_file = folder / "out", folder / "notes.jsonl"
        (folder / "prompt.json").write_text(json.dumps(graph))

    def begin(self, rows, *arguments, tree=COMFYUI):
        (self.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        given = {"comfyui": tree, "python": sys.executable, "base-directory": self.base, "out": self.out}
        given |= {"manifest": self.folder / "rows.jsonl", "prompt": self.folder / "prompt.json"}
        words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        command = [ENGINE, ROOT / "runner" / "batch" / "leash.py", "-m", "runner.batch", *words, "--plain", *arguments]
        environ = {**os.environ, "LIKENESS_BATCH_NOTES": str(self.notes_file), "OMP_NUM_THREADS": "1"}
        self.log = (self.folder / "said.txt").open("wb")
        self.process = subprocess.Popen(
            list(map(str, command)), cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=self.log, stderr=self.log
        )
        return self.process

    def run(self, rows, *arguments, **more):
        """The exit status."""
        return self.begin(rows, *arguments, **more).wait(ENGINE_PATIENCE)

    @property
    def said(self):
        return (self.folder / "said.txt").read_text(errors="replace")

    @property
    def notes(self):
        lines = self.notes_file.read_text().splitlines() if self.notes_file.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def drawn(self):
        """How often each row was begun."""
        return Counter(note["name"] for note in self.notes)

    def until_drawn(self, count):
        """The last note once there are so many."""

        def there():
            assert self.process.poll() is None, self.said
            return len(self.notes) >= count

        until(there, f"{count} rows", 0.05, ENGINE_PATIENCE)
        return self.notes[-1]

    def results(self):
        """The lines of the results, read by the Python that has the engine."""
        code = "import json, sys; from pyarrow import parquet; print(json.dumps(parquet.read_table(sys.argv[1]).to_pylist()))"
        done = subprocess.run([ENGINE, "-c", code, self.out / "results.parquet"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def engine_python():
    return ENGINE


@pytest.fixture
def batch(tmp_path, base, quick):
    """(graph) -> a batch of its own."""
    if not ENGINE.is_file():
        pytest.fail(f"{ENGINE} is not there; 'python run.py test --lane batch' makes it")
    made = []

    def new(graph=None, name="one"):
        (tmp_path / name).mkdir()
        made.append(Batch(tmp_path / name, base, graph or quick))
        return made[-1]

    yield new
    for each in made:
        if getattr(each, "process", None) and each.process.poll() is None:
            each.process.kill()
            each.process.wait()
