"""With the engine: whatever is killed, nothing is lost, nothing is twice, and nobody else is let in."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from PIL import Image
from serving.fixtures import node
from serving.patience import PATIENCE, until
from watched import environ_of, is_alive, is_below, words_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals, looks into /proc")


def rows(count, **more):
    return [{"id": f"r{i:02}", "witness.name": f"r{i:02}", "witness.number": i, **more} for i in range(count)]


def portrait(photos):
    """A prompt with a reference, and the files of two references."""
    for name, colour in (("a", "red"), ("b", "blue")):
        wall = Image.linear_gradient("L").convert("RGB").resize((64, 64))
        Image.blend(Image.new("RGB", (64, 64), colour), wall, 0.5).save(photos / f"{name}.png")
    graph = {
        "model": node("MiniatureModel", family="sd15", seed=1),
        "encoder": node("MiniatureCLIPVision", kind="vit_h", seed=3),
        "photo": node("LoadImage", image="x.png"),
        "adapter": node("LikenessLoadIPAdapter", file="miniature/sd15_base.safetensors", clip_vision=["encoder", 0]),
        "steer": node(
            "LikenessApplyIPAdapter", model=["model", 0], adapter=["adapter", 0], weight=0.8, image=["photo", 0]
        ),
        "text": node("CLIPTextEncode", text="a red cat", clip=["model", 1]),
        "latent": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "sampler": node(
            "KSampler",
            model=["steer", 0],
            positive=["text", 0],
            negative=["text", 0],
            latent_image=["latent", 0],
            seed=5,
            steps=2,
            cfg=5.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
        ),
        "decode": node("VAEDecode", samples=["sampler", 0], vae=["model", 2]),
        "witness": node("BatchWitness", image=["decode", 0], name="", does="takes long", number=255),
        "save": node("SaveImage", images=["witness", 0], filename_prefix="x"),
    }
    table = [
        {"id": f"r{i:02}", "witness.name": f"r{i:02}", "sampler.seed": i, "photo": f"{photos}/{'ab'[i % 2]}.png"}
        for i in range(14)
    ]
    return graph, table


def test_an_actor_a_comfyui_and_the_driver_are_killed_and_nothing_is_lost(batch, tmp_path):
    graph, table = portrait(tmp_path)
    plain = batch(graph, "plain")
    assert plain.run(table, "--hosts", "0") == 0, plain.said
    killed = batch(graph, "killed")
    settings = ("--hosts", "1", "--rows-per-block", "3")
    killed.begin(table, *settings)
    first = killed.until_drawn(4)
    os.kill(first["actor"], signal.SIGKILL)
    until(lambda: not is_alive(first["host"]), "the end of the ComfyUI of a killed actor")
    second = killed.until_drawn(8)
    assert second["actor"] != first["actor"]
    os.kill(second["host"], signal.SIGKILL)
    last = killed.until_drawn(11)
    assert last["actor"] != second["actor"], "an actor whose ComfyUI is gone leaves"
    killed.process.kill()
    killed.process.wait()
    until(lambda: not is_alive(last["host"]), "the end of the ComfyUI of a killed driver")
    assert killed.run(table, *settings) == 0, killed.said
    found, wanted = killed.results(), plain.results()
    assert [line["id"] for line in found] == [line["id"] for line in wanted] and len(found) == 14
    assert [line["pictures"] for line in found] == [line["pictures"] for line in wanted], "the same bits"
    assert not any(line["error"] for line in found)
    assert set(killed.drawn) == set(plain.drawn) and sum(killed.drawn.values()) <= 14 + 3, (
        "one for each that was killed"
    )
    assert not list((killed.out / "attempts").iterdir()) and not list(killed.out.rglob("*.part"))
    before = killed.notes
    assert killed.run(table, *settings) == 0 and killed.notes == before, "finished is finished"


def test_a_row_that_kills_its_host_is_an_error_after_three_tries_and_costs_nobody_else(batch):
    killing = batch()
    table = rows(6)
    table[3]["witness.does"] = "kills"
    assert killing.run(table, "--hosts", "1", "--rows-per-block", "2") == 3, killing.said
    errors = {line["id"]: line["error"] for line in killing.results()}
    assert errors.pop("r03").startswith("its host died 3 times") and set(errors.values()) == {""}
    assert killing.drawn == {**{row["id"]: 1 for row in table}, "r03": 3}
    table[3]["witness.does"] = ""
    assert killing.run(table, "--hosts", "1") == 0, killing.said
    assert killing.drawn["r03"] == 4 and sum(killing.drawn.values()) == 9, "a row that was mended, and no other"


def test_two_hosts_share_and_nothing_is_sent_and_nobody_is_let_in(batch, engine_python):
    two = batch()
    two.begin(rows(12, **{"witness.does": "waits"}), "--hosts", "2", "--rows-per-block", "1")
    two.until_drawn(2)
    ours = [pid for pid in os.listdir("/proc") if pid.isdigit() and is_below(int(pid), two.process.pid)]
    told = [environ_of(pid) for pid in ours]
    assert len(told) > 6 and {
        environ.get("RAY_USAGE_STATS_ENABLED") for environ in told if "RAY_JOB_ID" in environ
    } == {"0"}
    assert {note["usage"] for note in two.notes} == {"0"}
    ((raylet, words),) = [
        (pid, words) for pid in ours if (words := words_of(pid)) and words[0].endswith("raylet/raylet")
    ]
    (address,) = set(re.findall(r"--gcs-address=([\d.:]+)", " ".join(words)))
    token = environ_of(raylet)["RAY_AUTH_TOKEN"]
    code = f"import ray; ray.init(address={address!r}, log_to_driver=False); print('let in', len(ray.nodes()))"

    def is_let_in(**token):
        environ = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0", "HOME": str(two.folder)}
        command = [engine_python, "-c", code]
        stranger = subprocess.Popen(command, env={**environ, **token}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            return b"let in" in stranger.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:  # it goes on asking
            stranger.kill()
            return b"let in" in stranger.communicate()[0]

    assert is_let_in(RAY_AUTH_TOKEN=token), "who has the token is"
    assert not is_let_in() and not is_let_in(RAY_AUTH_TOKEN="0" * 64)
    (two.folder / "notes.jsonl.go").touch()
    assert two.process.wait(600) == 0, two.said
    hosts = {line["host"] for line in two.results()}
    assert len(hosts) == 2 and set(two.drawn.values()) == {1} and len(two.drawn) == 12


def test_errors_are_rows_until_there_are_too_many(batch):
    failing = batch()
    table = rows(4)
    table[1]["witness.does"] = "fails"
    assert failing.run(table, "--hosts", "1") == 3, failing.said
    assert {line["id"]: line["error"] for line in failing.results()}["r01"] == "witness: no face found in picture 1"
    more = rows(12, **{"witness.does": "fails"})
    assert failing.run(more, "--hosts", "1", "--rows-per-block", "1", "--max-errors", "2") == 3
    assert "More rows have errors than --max-errors allows" in failing.said and len(failing.notes) < 12


def test_a_full_disk_and_a_host_that_cannot_start_end_the_run_with_the_reason(batch, tmp_path, quick):
    full = batch()
    assert full.run(rows(2, **{"witness.does": "fills the disk"}), "--hosts", "1") == 1
    assert "There is no space left in the host" in full.said, full.said
    unknown = [{**row, "save.filename_prefix": "y", "wall.color": 1} for row in rows(2)]
    graph = {**quick, "more": node("NoSuchNode", image=["wall", 0])}
    (full.folder / "unknown.json").write_text(json.dumps(graph))
    for row in unknown:
        row["prompt"] = "unknown.json"
    before = full.notes
    assert full.run(unknown, "--hosts", "1") == 2 and full.notes == before
    assert "The host has no node 'NoSuchNode' (id r00, r01)" in full.said and "Starting the engine" not in full.said
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "comfyui_version.py").write_text('__version__ = "0.30.0"')
    (tree / "main.py").write_text("raise SystemExit('no such weights')")
    assert full.run(rows(2), "--hosts", "1", tree=tree) == 1
    assert "no such weights" in full.said, full.said
