"""A row becomes a picture under its content, or one sentence; nothing is drawn twice, and nothing is half written."""

import errno
import os
import threading
from pathlib import Path

import pytest

from runner.batch import draw as drawing
from runner.batch import hosts, talk
from runner.batch import store as stores
from runner.batch.draw import Drawer, Limits
from runner.batch.hosts import Given
from runner.batch.jobs import jobs_of
from runner.batch.key import Models, key_of
from runner.batch.result import Attempts, recorded
from runner.batch.serial import drawn
from runner.batch.store import Folder, store_at
from runner.problems import Problem

LIMITS = Limits(seconds=20, attempts=3, recycle=1000)


class Renewed(Given):
    """A host that can be started again, as our own can."""

    def __init__(self, comfy):
        super().__init__(comfy.url)
        self.comfy, self.starts, self.is_ours = comfy, 0, True
        self.emptied = []

    def renew(self):
        self.starts += 1
        self.comfy.is_up = True

    def kill(self):
        self.comfy.is_up = False

    def empty(self, file):
        self.emptied.append(file["filename"])
        self.comfy.files[file["filename"]] = b""


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(drawing, "QUICK", 0.001)
    monkeypatch.setattr(drawing, "CALM", 0.01)


@pytest.fixture
def host(comfy):
    return Renewed(comfy)


@pytest.fixture
def store(tmp_path):
    return Folder(str(tmp_path / "out"))


@pytest.fixture
def drawer(host, store):
    made = Drawer(host, store, LIMITS)
    made.start()
    return made


@pytest.fixture
def job(manifest, prompt):
    """(text, more) -> the job of one row with this text."""

    def made(text, **more):
        (made,) = jobs_of(manifest({"id": "row", "Prompt.text": text, **more}), prompt)
        return made

    return made


def test_a_picture_is_kept_by_its_content_and_never_drawn_twice(drawer, job, comfy, store, host, tmp_path):
    first = drawer.draw(job("a cat", Reference="a.png", **{"9.seed": 1}))
    (name,) = first.pictures
    assert name.startswith("pictures/") and store.get(name) and name[12:-4] == drawing.hash_of(store.get(name))
    assert (first.error, first.attempts, first.texts) == ("", 1, {"Apply IP-Adapter": ["seen"]})
    assert list(comfy.uploads.values()) == [b"a.png"] and host.emptied == ["x_00001_.png"]
    (tmp_path / "other name.png").write_bytes(b"a.png")
    again = drawer.draw(job("a cat", Reference="other name.png", **{"9.seed": 1, "Save Image.filename_prefix": "x"}))
    assert (again.key, again.pictures, comfy.drawn) == (first.key, first.pictures, ["a cat"])
    other = Drawer(host, store, LIMITS)
    other.start()
    assert other.draw(job("a cat", Reference="a.png", **{"9.seed": 1})).pictures == first.pictures
    Path(store.place, name).unlink()
    del comfy.files["x_00001_.png"]
    assert drawer.draw(job("a cat", Reference="a.png", **{"9.seed": 1})).pictures and len(comfy.drawn) == 2
    assert not list(Path(store.place, "attempts").iterdir())


def test_what_counts_for_a_key_and_what_does_not(drawer, job, tmp_path):
    keys = [
        drawer.key_of(job("a", **more))
        for more in (
            {"Reference": "a.png"},
            {"Reference": "b.png"},
            {"9.seed": 2, "Reference": "a.png"},
            {"Load Checkpoint.ckpt_name": "b.safetensors", "Reference": "a.png"},
        )
    ]
    assert len(set(keys)) == 4
    plain = job("a", Reference="a.png")
    contents = {str(tmp_path / "a.png"): "1"}
    untitled = {n: {"inputs": node["inputs"], "class_type": node["class_type"]} for n, node in plain.prompt.items()}
    same = type(plain)("another id", dict(reversed(untitled.items())), plain.files)
    assert key_of(plain, contents, lambda _: None, {}) == key_of(same, contents, lambda _: None, {})
    models = {"v1-5-pruned-emaonly-fp16.safetensors": "sha of it"}
    assert key_of(plain, contents, models.get, {}) != key_of(plain, contents, lambda _: None, {})
    assert key_of(plain, contents, models.get, {}) != key_of(plain, contents, models.get, {"comfyui": "0.31"})


def test_a_model_counts_by_its_content_where_it_can_be_read(tmp_path):
    for folder, content in (("one", b"1"), ("two", b"2"), ("three", b"1")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.safetensors").write_bytes(content)

    def models(folder, size=1):
        answers = {
            "/experiment/models": [{"name": "loras", "folders": [str(tmp_path / folder)]}],
            "/experiment/models/loras": [{"name": "m.safetensors", "pathIndex": 0, "size": size}],
        }
        return Models(answers.__getitem__).content_of("m.safetensors")

    assert models("one") == models("three") != models("two")
    assert models("elsewhere", 7) == "m.safetensors 7"
    assert Models(lambda _: []).content_of("m.safetensors") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("it fails", "KSampler: no face found in picture 1"),
        ("refused", "ComfyUI refused the prompt: no\n  node '6' (CLIPTextEncode): Bad: text"),
        ("no memory", "KSampler: Allocation on device"),
        ("nothing", "the prompt saved nothing: end it with a node that saves, such as Save Image"),
    ],
)
def test_an_error_is_a_sentence_and_the_row_is_not_tried_again(text, said, drawer, job, comfy, store):
    result = drawer.draw(job(text))
    assert (result.error, result.pictures, result.attempts) == (said, (), 1)
    assert len(comfy.drawn) == {"no memory": 2, "refused": 0}.get(text, 1)
    assert not list(Path(store.place, "attempts").iterdir()) and not recorded(store, result.key)


@pytest.mark.parametrize("text", ["no memory once", "no memory once, says the driver"])
def test_out_of_memory_is_tried_once_more_with_everything_unloaded(drawer, job, comfy, text):
    assert drawer.draw(job(text)).error == "" and comfy.freed == 1


def test_a_picture_that_cannot_be_fetched_is_an_error_of_its_row(drawer, job):
    pytest.importorskip("fsspec")
    assert "cannot be read (FileNotFoundError" in drawer.draw(job("a", Reference="memory://nowhere/a.png")).error


def test_a_row_that_takes_its_host_down_three_times_is_an_error_and_costs_nobody_else(drawer, job, comfy, host):
    result = drawn(drawer, job("it kills"))
    assert (host.starts, result.attempts) == (3, 3)
    assert result.error.startswith("its host died 3 times while it was drawn")
    assert drawn(drawer, job("a cat")).error == "" and host.starts == 3


def test_tries_are_counted_by_a_process_that_comes_after_one_that_was_killed(drawer, job, store, host):
    key = drawer.key_of(job("a cat"))
    for _ in range(3):
        Attempts(store, key).begin()
    assert drawer.draw(job("a cat")).error.startswith("its host died 3 times")
    assert drawer.draw(job("a cat")).error == "", "asked again, it is tried again"


def test_a_prompt_that_hangs_is_broken_off_and_counts_as_a_try(host, store, job, comfy):
    drawer = Drawer(host, store, Limits(seconds=0.05, attempts=2))
    drawer.start()
    result = drawn(drawer, job("it hangs"))
    assert "took longer than 0.05 s" in result.error and (result.attempts, comfy.interrupted, host.starts) == (2, 2, 2)


def test_a_host_that_does_not_let_go_of_a_prompt_is_ended(host, store, job, comfy, monkeypatch):
    monkeypatch.setattr(drawing, "LET_GO_SECONDS", 0.05)
    comfy.interrupt = lambda *_: (200, {})
    drawer = Drawer(host, store, Limits(seconds=0.05))
    drawer.start()
    with pytest.raises(talk.Lost, match="its host was ended"):
        drawer.draw(job("it hangs"))
    assert not comfy.is_up


def test_a_host_that_was_started_anew_meanwhile_is_asked_again(drawer, job, comfy, monkeypatch):
    monkeypatch.setattr(drawing, "LOOKS", 0)
    with pytest.raises(talk.Lost, match="knows nothing of the prompt"):
        drawer.draw(job("it forgets"))


def test_a_full_disk_ends_the_run_and_leaves_nothing_half(drawer, job, store, monkeypatch):
    with pytest.raises(Problem, match="no space left in the host"):
        drawer.draw(job("fills the disk"))

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    key = drawer.key_of(job("a cat"))
    monkeypatch.setattr(stores.os, "fsync", full)
    with pytest.raises(Problem, match="no space left in .*out"):
        store.put("pictures/aa/aa.png", b"x")
    monkeypatch.undo()
    real, names = Folder.put, []

    def full_for_pictures(self, name, content):
        names.append(name)
        if name.startswith("pictures"):
            raise stores.out_of_room(self.place)
        real(self, name, content)

    monkeypatch.setattr(Folder, "put", full_for_pictures)
    with pytest.raises(Problem, match="no space left"):
        drawer.draw(job("a cat"))
    assert names[-1].startswith("pictures/") and Attempts(store, key).count == 0
    assert not [path for path in Path(store.place).rglob("*") if path.is_file()]
    monkeypatch.undo()
    assert drawer.draw(job("a cat")).error == ""


def test_a_host_is_renewed_after_so_many_pictures(host, store, job):
    drawer = Drawer(host, store, Limits(recycle=2))
    drawer.start()
    for seed in range(5):
        assert drawer.draw(job("a cat", **{"9.seed": seed})).error == ""
    assert host.starts == 2


def test_the_file_of_a_cached_node_is_the_one_that_was_fetched(drawer, job, comfy, store):
    """A host names it again for the next prompt; by then its room has been freed."""
    first = drawer.draw(job("a cat"))
    comfy.entry = lambda nodes, text: {
        "status": {"status_str": "success", "messages": []},
        "outputs": {"11": {"images": [{"filename": "x_00001_.png", "subfolder": "", "type": "output"}]}},
    }
    assert drawer.draw(job("another")).pictures == first.pictures


def test_a_given_host_is_waited_for_and_never_ended(comfy, monkeypatch):
    host = Given(comfy.url + "/")
    host.start()
    assert host.name == comfy.url and not host.is_ours
    with pytest.raises(talk.Lost, match="not ours to end"):
        host.kill()
    comfy.is_up = False
    monkeypatch.setattr(hosts.time, "sleep", lambda _: setattr(comfy, "is_up", True))
    host.renew()
    comfy.is_up = False
    with pytest.raises(Problem, match="No ComfyUI answers at"):
        host.start()


def test_objects_are_written_whole_too(monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    store = store_at("memory://batch-out")
    store.put("a/b.txt", b"1")
    store.put("a/c.txt", b"2")
    assert (store.get("a/b.txt"), store.get("a/x"), store.names("a")) == (b"1", None, ["a/b.txt", "a/c.txt"])
    assert store.has("a/c.txt") and not store.has("a/d.txt") and store.names("nothing") == []
    store.remove("a/b.txt")
    store.remove("a/b.txt")
    assert store.names("a") == ["a/c.txt"]
    fsspec.filesystem("memory").rm("/batch-out", recursive=True)


def test_two_writers_of_one_name_leave_one_whole_file(store):
    threads = [threading.Thread(target=store.put, args=("a", bytes([i]) * 50_000)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(store.get("a"))) == 1 and os.listdir(store.place) == ["a"]
