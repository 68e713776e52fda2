"""`run.py batch` draws every row once, goes on after a kill, and says what failed and what is missing."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from serving.patience import until

from runner import cli, server
from runner.batch import command, hosts, ways
from runner.batch import draw as drawing
from runner.batch import report as reports
from runner.batch.course import Course, TooManyErrors
from runner.batch.hosts import LEASH, Own, has_the_pack
from runner.batch.options import cluster_of, errors_allowed, hosts_of, urls_of
from runner.batch.store import Folder
from runner.comfyui import Host
from runner.places import ROOT, program_in


@pytest.fixture(autouse=True)
def hasty(monkeypatch, places):
    monkeypatch.setattr(cli, "Places", lambda: places)  # where nothing is installed
    monkeypatch.setattr(drawing, "QUICK", 0.001)
    monkeypatch.setattr(drawing, "CALM", 0.01)
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)


@pytest.fixture
def run(manifest, prompt, comfy, tmp_path):
    """(rows, arguments) -> the exit status of a batch on the ComfyUI of the test."""
    comfy.choices["LoadImage"] = {"image": [["example.png"], {"image_upload": True}]}

    def ran(rows, *arguments, addresses=None):
        table = ("--manifest", manifest(*rows), "--prompt", str(prompt)) if rows else ()
        given = [word for url in addresses or [comfy.url] for word in ("--address", url)] if rows else []
        return cli.main(["batch", *table, *given, "--out", str(tmp_path / "out"), *arguments])

    return ran


def rows(count, text="a cat"):
    return [{"id": f"r{i}", "Prompt.text": f"{text} {i}", "Reference": "ab"[i % 2] + ".png"} for i in range(count)]


def results(tmp_path):
    return [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]


@pytest.fixture(autouse=True)
def without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)


def test_every_row_is_drawn_once_and_the_same_command_draws_nothing(run, comfy, tmp_path, capsys):
    assert run(rows(11), "--rows-per-block", "3") == 0
    found = results(tmp_path)
    assert [line["id"] for line in found] == [f"r{i}" for i in [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9]]
    assert all((tmp_path / "out" / line["pictures"][0]).is_file() for line in found)
    assert json.loads(found[0]["texts"]) == {"Apply IP-Adapter": ["seen"]} and found[0]["host"] == comfy.url
    assert len(comfy.uploads) == 2 and len(comfy.drawn) == len(set(comfy.drawn)) == 11
    assert run(rows(11), "--rows-per-block", "3") == 0 and len(comfy.drawn) == 11
    said = capsys.readouterr().out
    assert "11 of 11 rows, " in said and "0 errors, 1 host" in said and "11 of 11 rows drawn, 0 with errors" in said
    kept = json.loads((tmp_path / "out" / "run.json").read_text())
    assert kept["started"] and kept["ended"]


def test_errors_are_rows_and_are_tried_again_by_the_same_command(run, comfy, tmp_path, capsys):
    mixed = [*rows(3), {"id": "bad", "Prompt.text": "it fails"}]
    assert run(mixed) == 3
    (bad,) = [line for line in results(tmp_path) if line["error"]]
    assert (bad["id"], bad["error"], bad["pictures"]) == ("bad", "KSampler: no face found in picture 1", [])
    assert "1 x KSampler: no face found in picture 1 (id bad)" in capsys.readouterr().out
    mixed[-1]["Prompt.text"] = "it is mended"
    assert run(mixed) == 0 and len(comfy.drawn) == 5, "the others are not drawn again"
    assert run([], "report") == 0


def test_a_report_says_what_is_missing(run, comfy, tmp_path, capsys, monkeypatch):
    finished, calls = drawing.Drawer._finished, iter(range(100))

    def interrupted(self, number):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return finished(self, number)

    monkeypatch.setattr(drawing.Drawer, "_finished", interrupted)
    assert run(rows(8), "--rows-per-block", "2") == 130
    assert comfy.interrupted == 1 and not list((tmp_path / "out" / "attempts").iterdir())
    assert run([], "report") == 3
    assert "5 of 8 rows drawn, 0 with errors, 3 not yet.\n  not yet: r3, r5, r7" in capsys.readouterr().out
    assert run(rows(8), "--rows-per-block", "2") == 0
    assert Counter(comfy.drawn).most_common(1) == [("a cat 3", 2)], "the one that was broken off"
    assert len(results(tmp_path)) == 8
    assert cli.main(["batch", "report", "--out", str(tmp_path / "nothing")]) == 1


def test_a_report_of_what_the_engine_wrote_is_read_by_its_python(places, tmp_path, monkeypatch):
    python = program_in(places.batch, "python")
    python.parent.mkdir(parents=True)
    python.touch()
    asked = []
    monkeypatch.setattr(command, "there", lambda python, module, words: asked.append((python, words)) or 3)
    assert cli.main(["batch", "report", "--out", str(tmp_path)]) == 3
    assert asked == [(python, ["report", "--out", str(tmp_path)])]


def test_given_hosts_share_the_blocks_and_one_that_is_gone_leaves_its_rows(run, comfy, comfies, tmp_path, monkeypatch):
    other = comfies()
    other.choices = comfy.choices
    monkeypatch.setattr(hosts, "BACK_SECONDS", 0)
    both = [comfy.url, other.url]
    assert run(rows(8), "--rows-per-block", "1", addresses=both) == 0
    assert sorted(comfy.drawn + other.drawn) == sorted(f"a cat {i}" for i in range(8))
    many = [{"id": f"n{i}", "Prompt.text": f"a dog {i}"} for i in range(6)]

    def goes_down(nodes, text):
        other.is_up = False
        raise ConnectionError

    monkeypatch.setattr(other, "entry", goes_down)
    assert run(many, "--rows-per-block", "1", addresses=both) == 0
    assert sorted(comfy.drawn)[-6:] == [f"a dog {i}" for i in range(6)]
    comfy.is_up = False
    assert run(rows(9), addresses=both) == 1, "none is left"


def test_a_process_that_is_killed_loses_nothing_and_the_next_draws_only_the_rest(manifest, prompt, comfy, tmp_path):
    """A real process and a real kill, in the middle of a row."""
    comfy.choices["LoadImage"] = {"image": [["example.png"], {}]}
    words = [sys.executable, ROOT / "run.py", "batch", "--manifest", manifest(*rows(6)), "--prompt", prompt]
    words += ["--address", comfy.url, "--out", tmp_path / "out"]
    entry, going = comfy.entry, threading.Event()

    def pauses(nodes, text):
        if text == "a cat 1":
            going.set()
            time.sleep(0.2)
        return entry(nodes, text)

    comfy.entry = pauses
    first = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL)
    assert going.wait(60)
    first.kill()
    first.wait()
    assert not (tmp_path / "out" / "results.jsonl").exists()
    comfy.entry = entry
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Counter(comfy.drawn).most_common(2) == [("a cat 1", 2), ("a cat 0", 1)]
    names = [
        name for line in reports.report_of(Folder(str(tmp_path / "out"))).lines.values() for name in line["pictures"]
    ]
    files = [path for path in (tmp_path / "out" / "pictures").rglob("*") if path.is_file()]
    assert len(set(names)) == len(files) == 6 and not list((tmp_path / "out" / "attempts").iterdir())


def test_nothing_is_drawn_when_the_host_lacks_what_a_row_names(run, comfy, capsys):
    comfy.choices["KSampler"] = {"sampler_name": [["euler"], {}]}
    assert run(rows(2)) == 2 and not comfy.drawn
    assert "'dpmpp_2m' is not among the host's choices for 'sampler_name' (id r0, r1)" in capsys.readouterr().err


def test_a_dry_run_checks_everything_counts_and_draws_nothing(run, comfy, capsys, tmp_path):
    assert run(rows(3), "--dry-run") == 0 and not comfy.drawn and not (tmp_path / "out").exists()
    assert "Drawn already: 0 of 3." in capsys.readouterr().out
    run(rows(2))
    assert run(rows(3), "--dry-run") == 0
    assert "Drawn already: 2 of 3." in capsys.readouterr().out
    assert run([*rows(3), {"id": "r0"}], "--dry-run") == 2
    pytest.importorskip("fsspec")
    assert run([{"id": "x", "Reference": "memory://nowhere/x.png"}], "--dry-run") == 1


def test_the_same_place_goes_on_with_the_same_settings_only(run, prompt, tmp_path, capsys):
    assert run(rows(2)) == 0
    changed = json.loads(prompt.read_text())
    changed["9"]["inputs"]["steps"] = 3
    prompt.write_text(json.dumps(changed))
    assert run(rows(2)) == 1
    assert re.search(r"has a batch with other settings \(prompt: \w+ there, \w+ now\)", capsys.readouterr().err)


def test_too_many_errors_end_the_run(run, comfy, capsys):
    assert run(rows(5, "fails"), "--max-errors", "1") == 3 and len(comfy.drawn) == 2
    assert "2 rows have errors, more than --max-errors allows" in capsys.readouterr().err
    with pytest.raises(TooManyErrors):
        Course(io.StringIO(), rows=2, hosts=1, allowed=0).result("a", "no")


def test_a_full_disk_is_one_sentence(run, capsys):
    assert run([{"id": "a", "Prompt.text": "fills the disk"}]) == 1
    assert "no space left in the host" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--manifest and --prompt and --out must be given"),
        (["report"], "--out must be given"),
        (["--out", "o", "--manifest", "m", "--prompt", "p", "--attempts", "0"], "--attempts is 0"),
        (["--out", "o", "--manifest", "m", "--prompt", "p", "--max-errors", "few"], "--max-errors is few"),
        (["--out", "o", "--manifest", "m", "--prompt", "p", "--hosts", "many"], "--hosts is many"),
        (["--out", "o", "--manifest", "m", "--prompt", "p", "--hosts", "3:2"], "the fewest are more than the most"),
        (
            ["--out", "o", "--manifest", "m", "--prompt", "p", "--hosts", "0", "--address", "auto"],
            "is where the engine is",
        ),
        (["--out", "o", "--manifest", "m", "--prompt", "p", "--address", "auto"], "with --hosts of 1 or more"),
        (
            ["--out", "o", "--manifest", "m", "--prompt", "p", "--hosts", "2", "--address", "http://127.0.0.1:1"],
            "the engine and its --hosts are for our own",
        ),
        (
            ["--out", "o", "--manifest", "m", "--prompt", "p", "--address", "http://127.0.0.1:1", "--plain"],
            "--plain says how our own ComfyUI is started",
        ),
        (["--out", "o", "--manifest", "m", "--prompt", "p", "--base-directory", "b"], "goes with --comfyui"),
    ],
)
def test_what_does_not_go_together_is_said_with_its_own_status(words, said, capsys):
    assert cli.main(["batch", *words]) == 2
    assert said in capsys.readouterr().err


def test_addresses_are_comfyuis_or_the_engines_cluster():
    options = cli.parse(["batch", "--address", "http://127.0.0.1:1", "--address", "http://127.0.0.1:1"])
    assert (urls_of(options), cluster_of(options), hosts_of(options)) == (["http://127.0.0.1:1"], None, None)
    options = cli.parse(["batch", "--address", "10.0.0.1:6379", "--hosts", "1:64"])
    assert (urls_of(options), cluster_of(options), hosts_of(options)) == ([], "10.0.0.1:6379", (1, 64))


@pytest.mark.parametrize(("cards", "hosts"), [("0", None), ("1", None), ("3", "3:3")])
def test_each_card_has_a_host_and_more_than_one_have_the_engine(cards, hosts, monkeypatch, manifest, prompt, tmp_path):
    started = []
    answer = SimpleNamespace(returncode=0, stdout=cards)
    host = Host(tmp_path / "tree", tmp_path / "python", is_private=False)
    monkeypatch.setattr(command, "existing_host", lambda path, python: host)
    monkeypatch.setattr(command.subprocess, "run", lambda *_, **__: answer)
    monkeypatch.setattr(command, "_staged", lambda options, way: started.append((way.hosts[0].host, None)) or 0)
    monkeypatch.setattr(ways.Ours, "own", lambda ours: ours)
    monkeypatch.setattr(command, "there", lambda python, module, words: started.append((python, words)) or 0)
    monkeypatch.setattr(command, "engine_python", lambda places: "engine")
    words = ["--manifest", manifest({"id": "a"}), "--prompt", str(prompt), "--out", str(tmp_path / "out")]
    assert cli.main(["batch", *words, "--comfyui", str(tmp_path)]) == 0
    ((program, passed),) = started
    assert program == ("engine" if hosts else host)
    if hosts:
        options = cli.parse(["batch", *map(str, passed)])
        assert (options.hosts, options.comfyui, options.python) == (hosts, host.tree, host.python)
        assert options.base_directory == host.tree.resolve() and options.manifest == words[1]


def test_how_many_errors_are_allowed():
    allowed = {
        words: errors_allowed(cli.parse(["batch", *words]), 1000)
        for words in ((), ("--max-errors", "7"), ("--max-errors", "2.5%"))
    }
    assert list(allowed.values()) == [50, 7, 25]
    assert errors_allowed(cli.parse(["batch"]), 20) == 10


def test_progress_is_a_line_that_moves_or_one_now_and_then():
    out = io.StringIO()
    course = Course(out, rows=30, hosts=2)
    for i in range(30):
        course.result(f"{i}", "no" if i == 3 else "")
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("[#") and "1 of 30 rows" in lines[0] and lines[1] == "  3: no" and len(lines) == 3
    assert re.search(r"30 of 30 rows, [\d.]+ a minute, 0:00:00 left, 1 error, 2 hosts$", lines[2])
    out.isatty = lambda: True
    half = Course(io.StringIO(), rows=30, hosts=2, before=20)
    assert half.line().startswith("[" + 20 * "#") and "20 of 30 rows, 0.0 a minute, ? left" in half.line()
    course.done = 28
    course.result("x")
    assert out.getvalue().splitlines()[-1].startswith("\x1b[K[") and "29 of 30 rows" in out.getvalue()


ANSWERS = """
import json, sys, http.server, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(json.dumps({'system': {'argv': sys.argv}}).encode())
    def log_message(self, *_): pass
port = int(sys.argv[sys.argv.index('--port') + 1])
pathlib.Path(sys.path[0], 'started').write_text(str(port))
http.server.HTTPServer(('127.0.0.1', port), Handler).serve_forever()
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A ComfyUI that only answers."""
    monkeypatch.setattr(server, "has_gpu", lambda python: False)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "main.py").write_text(ANSWERS)
    return Host(tmp_path / "tree", Path(sys.executable), is_private=False)


def test_our_own_host_is_ended_and_leaves_no_folder(tree, tmp_path):
    host = Own(tree, {"custom_nodes": [tmp_path / "nobodys"]}, ("--disable-metadata",))
    host.start()
    folder, first = host._folder, host.link.url
    argv = host.link.json("/system_stats")["system"]["argv"]
    assert "--disable-metadata" in argv and str(folder) in argv and argv[0] == str(tree.tree / "main.py")
    assert (folder / "custom_nodes" / "comfyui-likeness" / "pyproject.toml").samefile(ROOT / "pyproject.toml")
    picture = folder / "output" / "x.png"
    picture.write_bytes(b"much")
    host.empty({"subfolder": "", "filename": "x.png"})
    assert picture.read_bytes() == b""
    host.kill()
    host.renew()
    assert host.link.url != first or host._server.is_running()
    process = host._server._process
    host.stop()
    assert process.poll() is not None and not folder.exists() and (ROOT / "pyproject.toml").is_file()


def test_what_killed_processes_left_is_deleted_and_what_is_used_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(hosts.tempfile, "tempdir", str(tmp_path))
    used, held = hosts.new_folder()
    left, lock = hosts.new_folder()
    lock.close()
    for folder in (used, left):
        os.utime(folder / hosts.LOCK, (1, 1))
    third, another = hosts.new_folder()
    assert used.is_dir() and third.is_dir() and not left.exists()
    held.close()
    another.close()


def test_a_host_that_cannot_start_is_tried_three_times(tree, tmp_path):
    (tree.tree / "main.py").write_text("open(__file__ + '.log', 'a').write('x'); raise SystemExit('no such weights')")
    host = Own(tree, {})
    with pytest.raises(hosts.Gone, match="no such weights"):
        host.start()
    host.stop()
    assert (tree.tree / "main.py.log").read_text() == "xxx"


def test_a_pack_that_is_offered_already_is_not_linked_again(tmp_path):
    assert not has_the_pack(tmp_path / "nowhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pyproject.toml").write_text('[project]\nname = "other"\n')
    assert not has_the_pack(tmp_path)
    (tmp_path / "mine").symlink_to(ROOT, target_is_directory=True)
    assert has_the_pack(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
@pytest.mark.parametrize("held", ["both", "pipe alone"])
def test_a_host_dies_with_its_parent_however_that_dies(tree, tmp_path, held):
    """Its own session, which is what outlives a killed parent, is what it must not have."""
    leash = tmp_path / "leash.py"
    leash.write_text(
        LEASH.read_text().replace(
            "    held_by_the_kernel()\n", "" if held == "pipe alone" else "    held_by_the_kernel()\n"
        )
    )
    code = f"""
import sys, time; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from runner import server
from runner.batch import hosts
from runner.comfyui import Host
server.has_gpu = lambda python: False
hosts.LEASH = Path({str(leash)!r})
host = hosts.Own(Host(Path({str(tree.tree)!r}), Path(sys.executable), False), {{}})
host.start()
print(host._server._process.pid, host.link.url, flush=True)
time.sleep(600)
"""
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environ)
    pid, url = parent.stdout.readline().split()
    assert server.command_line_at(url)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    until(lambda: not server.command_line_at(url), f"the end of {pid}")


@pytest.fixture
def staged(run, prompt, comfy, tmp_path):
    """(rows, arguments) -> the exit status of a batch in two stages; Reference loads a file of embeds."""
    drawing_prompt = json.loads(prompt.read_text())
    drawing_prompt["3"] = {
        "class_type": "LikenessLoadEmbeds",
        "inputs": {"file": "x"},
        "_meta": {"title": "Reference"},
    }
    encoding_prompt = json.loads(prompt.read_text())
    (tmp_path / "encode.json").write_text(json.dumps(encoding_prompt))
    prompt.write_text(json.dumps(drawing_prompt))
    comfy.choices["LikenessLoadEmbeds"] = {"file": [["x"], {}]}
    comfy.kinds.add("LikenessLoadEmbeds")
    entry = comfy.entry

    def entry_of(nodes, text):
        made = entry(nodes, text)
        name = made["outputs"]["11"]["images"][0]["filename"]
        if nodes["3"]["class_type"] == "LoadImage":
            if b"faceless" in comfy.uploads[nodes["3"]["inputs"]["image"].rpartition("/")[2]]:
                error = {"node_id": "3", "node_type": "x", "exception_type": "x", "exception_message": "no face found"}
                return {"status": {"status_str": "error", "messages": [["execution_error", error]]}, "outputs": {}}
            saved = name.replace(".png", ".likeness.safetensors")
            comfy.files[saved] = b"embeds of " + comfy.files[name]
            made["outputs"]["11"]["images"][0]["filename"] = saved
            comfy.encoded.append(nodes["3"]["inputs"]["image"])
        return made

    comfy.entry, comfy.encoded = entry_of, []
    return lambda rows, *more: run(rows, "--references", str(tmp_path / "encode.json"), *more)


def test_each_reference_is_encoded_once_and_then_no_photo_is_needed(staged, comfy, tmp_path):
    assert staged(rows(12), "--dry-run") == 0 and not comfy.drawn
    assert staged(rows(12)) == 0
    assert len(comfy.encoded) == 2 and len(comfy.drawn) == 2 + 12
    names = sorted(name for name in comfy.uploads if name.endswith(".likeness.safetensors"))
    assert len(names) == 2 and all(comfy.uploads[name].startswith(b"embeds of ") for name in names)
    embeds = list((tmp_path / "out" / "references" / "embeds").rglob("*.likeness.safetensors"))
    assert len(embeds) == 2 and len(results(tmp_path)) == 12
    assert staged(rows(13)) == 0 and len(comfy.drawn) == 15, "of a row more, only that is drawn"


def test_a_photo_without_a_face_is_named_before_anything_is_drawn(staged, comfy, tmp_path, capsys):
    (tmp_path / "b.png").write_bytes(b"faceless")
    assert staged(rows(4)) == 2
    assert "b.png: Reference: no face found (id r1, r3)." in capsys.readouterr().err
    assert len(comfy.drawn) == 2, "what was tried is the encoding"
    (tmp_path / "b.png").write_bytes(b"another photo")
    assert staged(rows(4)) == 0 and len(comfy.encoded) == 2


def test_what_is_no_first_stage_is_said(staged, prompt, tmp_path, capsys):
    assert staged([{"id": "a", "Prompt.text": "x"}]) == 2
    assert "No row names a photo for a node that loads a saved reference" in capsys.readouterr().err
    (tmp_path / "encode.json").write_text(prompt.read_text())
    assert staged(rows(1)) == 2
    assert "--references has 0 nodes that load a picture" in capsys.readouterr().err
    (tmp_path / "encode.json").write_text("{}")
    assert staged(rows(1)) == 2 and "is no API prompt" in capsys.readouterr().err
