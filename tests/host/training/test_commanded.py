"""`run.py train` under a launcher: several processes make the file of one, and a signal to any stops all of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch
from PIL import Image
from serving.patience import PATIENCE

RECIPE = ("--steps", "4", "--batch-size", "2", "--accumulation", "4", "--precision", "fp32", "--side", "64")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder of some runs and the statuses of their processes."""
    place = tmp_path_factory.mktemp("commanded")
    (place / "pictures").mkdir()
    for number in range(6):
        Image.new("RGB", (64, 64), (40 * number, 90, 200 - 30 * number)).save(place / "pictures" / f"{number}.png")
        (place / "pictures" / f"{number}.txt").write_text(f"a wall {number % 2}", encoding="utf-8")

    (place / "broken").mkdir()
    (place / "broken" / "b.png").write_bytes(b"no picture")
    comfyui = ("--comfyui", os.environ["LIKENESS_COMFYUI"])

    def words(name, *more, pictures="pictures"):
        return ["--pictures", str(place / pictures), "--name", name, *comfyui, *RECIPE, *more]

    places = ("--pictures", str(place / "pictures"), str(place / "broken"))
    encoding = [*places, "--out", str(place / "lesson"), "--side", "64", "--per-shard", "4", *comfyui]

    jobs = [
        {"words": words("one", "--look-every", "9"), "count": 1},
        {"words": words("more", "--look-every", "9"), "count": 2, "stop_at": 2},
        {"words": words("more", "--look-every", "9"), "count": 4, "launcher": "srun"},
        {"words": words("more", "--look-every", "9", "--seed", "5"), "count": 2},
        {"command": "encode", "words": encoding, "count": 2},
        {"words": words("kept", "--look-every", "9", pictures="lesson"), "count": 1},
        {"words": words("odd", "--variant", "plus", pictures="lesson"), "count": 1},
        {"words": words("killed", "--look-every", "9"), "count": 2, "stop_at": 2, "by": "SIGKILL"},
        {"words": words("killed", "--look-every", "9"), "count": 2},
    ]
    (place / "jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).with_name("commanded.py")
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, script, place, place / "jobs.json"]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=10 * PATIENCE)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = [(place / f"{number}.txt").read_text() for number in range(len(jobs))]
    return SimpleNamespace(place=place, said=said, statuses=json.loads((place / "statuses.json").read_text()))


def test_several_processes_make_the_file_of_one(done):
    """One of two was told to stop after two steps; four, begun by SLURM, went on."""
    assert done.statuses[0] == [0] and done.statuses[2] == [0] * 4, "\n".join(done.said)
    one, more = (
        safetensors.torch.load_file(done.place / "train-output" / name / f"{name}.safetensors")
        for name in ("one", "more")
    )
    assert one.keys() == more.keys() and all(torch.equal(one[name], more[name]) for name in one)
    left = {path.name for path in (done.place / "train-output" / "more").iterdir()}
    assert left == {"log.jsonl", "loss.png", "more.safetensors"}
    lines = (done.place / "train-output" / "more" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4], "the first alone writes"
    assert done.said[2].count("base model untouched") == 1, "the first alone tells"


def test_all_stop_with_the_state_kept_where_one_is_told_to(done):
    assert done.statuses[1] == [0, 0]
    assert done.said[1].count("Stopped; the state of the training is kept. The same command resumes it.") == 1
    assert "6 of 6 pictures encoded" in done.said[1] and "4 of 4 steps" not in done.said[1]


def test_one_that_is_killed_ends_the_others_and_the_same_command_makes_the_same_file(done):
    survivor, killed = done.statuses[7]
    assert survivor not in (0, 99) and killed == -9, done.said[7]
    assert done.statuses[8] == [0, 0], done.said[8]
    files = [done.place / "train-output" / name / f"{name}.safetensors" for name in ("one", "killed")]
    one, again = (safetensors.torch.load_file(file) for file in files)
    assert all(torch.equal(one[name], again[name]) for name in one)


def test_what_is_wrong_ends_all_of_them_with_a_sentence(done):
    assert done.statuses[3] == [1, 1]
    assert done.said[3].count("was saved by a training run with other settings (seed 0 there, 5 now)") >= 2


def test_a_lesson_that_two_processes_encoded_trains_the_same_file(done):
    """Each wrote one of two files; a picture that cannot be read is a row of errors.csv and nothing else."""
    assert done.statuses[4] == [3, 0], done.said[4]
    assert done.statuses[5] == [0], done.said[5]
    files = [done.place / "train-output" / name / f"{name}.safetensors" for name in ("one", "kept")]
    one, kept = (safetensors.torch.load_file(file) for file in files)
    assert all(torch.equal(one[name], kept[name]) for name in one)
    lesson = done.place / "lesson"
    assert len([*(lesson / "shards").iterdir()]) == 2
    assert (lesson / "errors.csv").read_text().splitlines()[1:] == ["broken/b.png,it is no picture that can be read."]
    assert done.statuses[6] == [1]
    assert "is a lesson of base for sd15; this trains plus for sd15. Encode the pictures for it" in done.said[6]
