"""`run.py encode` by hosts of the engine: whatever is killed, the lesson is what one process makes, byte for byte."""

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from serving.fixtures import DATA
from serving.patience import PATIENCE, until
from watched import environ_of, is_alive, is_below, parent_of, words_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals, looks into /proc, waits for a pipe")
ROOT = Path(__file__).resolve().parents[2]
HANGS = "p03"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A repository of its own: encoding links the pack into the base directory of the repository that it runs from."""
    root = tmp_path_factory.mktemp("root")
    for path in ROOT.iterdir():
        if path.name not in ("runner", "run.py", ".likeness", ".git", "train-output"):
            (root / path.name).symlink_to(path)
    shutil.copy(ROOT / "run.py", root)
    shutil.copytree(ROOT / "runner", root / "runner", ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".likeness" / "base" / "models").mkdir(parents=True)
    (root / ".likeness" / "test-data").symlink_to((ROOT / ".likeness" / "test-data").resolve())
    return root


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A table of ten pictures: two people several times, one of nobody, one that cannot be read, one that is a pipe."""
    place = tmp_path_factory.mktemp("pictures")
    Image.new("RGB", (128, 128), "grey").save(place / "nobody.png")
    (place / "broken.png").write_bytes(b"no picture")
    os.mkfifo(place / "pipe.png")
    people = [DATA / "photos" / name for name in ("obama.jpg", "obama2.jpg")]
    files = {f"p{i:02}": people[i % 2] for i in range(10)}
    files |= {"p01": place / "nobody.png", HANGS: place / "pipe.png", "p06": place / "broken.png"}
    rows = [f"{name},{os.path.relpath(file, place)},a person {name[-1]}" for name, file in files.items()]
    (place / "table.csv").write_text("\n".join(["id,picture,caption", *rows]) + "\n")
    return place


class Encoding:
    """The command, in a process that can be killed."""

    def __init__(self, root, pictures, out, comfyui):
        self.root, self.out, self.said_in = root, out, out.with_suffix(".txt")
        self.words = ["--pictures", pictures / "table.csv", "--out", out, "--variant", "instantid", "--side", "128"]
        self.words += ["--per-shard", "2", "--comfyui", comfyui, "--python", sys.executable]

    def by_one_process(self):
        """The exit status of `run.py encode` as torchrun starts it, once."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        environ = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        return self._began([sys.executable, self.root / "run.py", "encode", *self.words], environ).wait(4 * PATIENCE)

    def begin(self, engine, *words, **environ):
        leash = self.root / "runner" / "batch" / "leash.py"
        self.process = self._began([engine, leash, "-m", "runner.encode", *self.words, *words], environ)
        return self.process

    def _began(self, command, environ):
        told = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", **environ}
        with self.said_in.open("ab") as log:
            return subprocess.Popen(
                list(map(str, command)), cwd=self.root, env=told, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    @property
    def said(self):
        return self.said_in.read_text(errors="replace")

    @property
    def made(self):
        shards = self.out / "shards"
        return {path.name for path in shards.glob("*.safetensors")} if shards.is_dir() else set()

    def below(self):
        """The processes below this driver, by their numbers."""
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and is_below(int(pid), self.process.pid)]

    def workers(self):
        """The ComfyUIs of its actors."""
        return [pid for pid in self.below() if "runner.encode.worker" in words_of(pid)]

    def until_it_hangs(self, tries):
        """Until a ComfyUI waits for the pipe, for the so manieth time."""
        attempts = self.out / "attempts" / "000001.json"

        def alive(what):
            assert self.process.poll() is None, self.said
            return what

        def noted():
            return json.loads(attempts.read_text()) if attempts.is_file() else []

        until(lambda: alive(noted() == [HANGS] * tries), f"try {tries} of the pipe", 0.1, 4 * PATIENCE)

    def errors(self):
        lines = (self.out / "errors.csv").read_text().splitlines()
        return dict(csv.reader(lines[1:]))

    def files(self):
        return {str(path.relative_to(self.out)): path.read_bytes() for path in self.out.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def encoding(root, pictures, tmp_path_factory):
    """(name) -> an encoding of the pictures."""
    place, began = tmp_path_factory.mktemp("lessons"), []

    def made(name):
        comfyui = os.environ.get("LIKENESS_COMFYUI") or ROOT / ".likeness" / "ComfyUI"
        began.append(Encoding(root, pictures, place / name, comfyui))
        return began[-1]

    yield made
    for each in began:
        if getattr(each, "process", None) and each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.fixture(scope="module")
def plain(encoding, pictures):
    """What one process makes without an engine, where the pipe is an empty file."""
    one, pipe = encoding("plain"), pictures / "pipe.png"
    empty(pipe)
    assert one.by_one_process() == 3, one.said
    pipe.unlink()
    os.mkfifo(pipe)
    return one


def empty(pipe):
    pipe.unlink()
    pipe.touch()


def test_a_host_an_actor_and_the_driver_are_killed_and_the_lesson_is_that_of_one_process(
    plain, encoding, engine_python
):
    """The picture that each of them was at is an error; every other is what it is anyway."""
    killed = encoding("killed")
    killed.begin(engine_python, "--hosts", "1")
    killed.until_it_hangs(1)
    (first,) = killed.workers()
    os.kill(first, signal.SIGKILL)
    killed.until_it_hangs(2)
    (second,) = killed.workers()
    os.kill(parent_of(second), signal.SIGKILL)
    until(lambda: not is_alive(second), "the end of the ComfyUI of a killed actor")
    killed.until_it_hangs(3)
    (third,) = killed.workers()
    killed.process.kill()
    killed.process.wait()
    until(lambda: not is_alive(third), "the end of the ComfyUI of a killed driver")
    assert killed.begin(engine_python, "--hosts", "1").wait(4 * PATIENCE) == 3, killed.said
    found, wanted = killed.files(), plain.files()
    assert found.keys() == wanted.keys(), "no part, no try is left"
    differs = {name for name in found if found[name] != wanted[name]}
    assert differs == {"errors.csv", "lesson.json", "shards/000001.safetensors"}
    errors, others = killed.errors(), plain.errors()
    assert errors["p01"].startswith("it shows no face") and errors["p06"] == "it is no picture that can be read."
    assert errors.pop(HANGS).startswith("its host died 3 times while it was encoded, or it took longer than 600 s")
    assert others.pop(HANGS) == errors["p06"] and errors == others
    assert "; 1 are there" in killed.said and "10 of 10 pictures" in killed.said


def test_while_one_host_hangs_another_makes_the_rest_and_one_process_goes_on(plain, encoding, pictures, engine_python):
    two = encoding("two")
    two.begin(engine_python, "--hosts", "2")
    two.until_it_hangs(1)
    until(lambda: len(two.made) == 4, "the files of the other host")
    assert len(two.workers()) == 2
    told = [environ_of(pid) for pid in two.below()]
    assert {each["RAY_USAGE_STATS_ENABLED"] for each in told if "RAY_JOB_ID" in each} == {"0"}
    two.process.kill()
    two.process.wait()
    empty(pictures / "pipe.png")
    assert two.by_one_process() == 3, two.said
    assert two.files() == plain.files()
