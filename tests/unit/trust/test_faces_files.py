"""Files of faces from strangers: each is read into memory of our own or refused by name; and what is in ours."""

import json
import os
import tracemalloc

import hostile
import numpy as np
import pytest
import safetensors.torch
import torch
from pack.attention.files import write_whole
from pack.face.picture import pictures
from pack.face.saved import without_photos
from pack.face.value import Face, PictureFaces, Rung, frozen
from pack.nodes.files.faces_file import FORMAT, load, save
from pack.nodes.files.saved_files import FACES

MOST = 64 << 20
FIVE = [(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)]


def faces(seed=0):
    (shot,) = pictures(torch.rand(1, 128, 128, 3, generator=torch.Generator().manual_seed(seed)))
    embedding = frozen(np.random.default_rng(seed).normal(size=512))
    face = Face(shot, frozen([20, 30, 90, 110]), frozen(FIVE), 0.9, Rung(), embedding=embedding, recogniser="ResNet100")
    return without_photos((PictureFaces(shot, (face,)),), 112)


def refused(path):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as caught:
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST
    assert path.name in str(caught.value)
    assert len(str(caught.value)) < 600
    return str(caught.value)


@pytest.mark.parametrize("case", [*hostile.ANY_SUFFIX])
def test_what_is_no_file_of_faces(case, tmp_path):
    path = tmp_path / f"stranger{FACES.suffix}"
    hostile.ANY_SUFFIX[case](path)
    refused(path)


@pytest.mark.parametrize("case", hostile.HEADERS)
def test_headers_that_lie(case, tmp_path):
    path = tmp_path / f"stranger{FACES.suffix}"
    hostile.HEADERS[case](path)
    refused(path)


@pytest.mark.parametrize("container", hostile.CONTAINERS)
@pytest.mark.parametrize("trap", hostile.traps(""))
def test_code_in_a_file_does_not_run(trap, container, tmp_path, not_run):
    path = tmp_path / f"stranger{FACES.suffix}"
    hostile.write_trap(hostile.traps(not_run)[trap], container, path)
    refused(path)


def rewritten(path, words=None, **tensors):
    """The file with some of its words and tensors replaced."""
    found = safetensors.torch.load(path.read_bytes())
    with safetensors.safe_open(path, "pt") as file:
        said = file.metadata()
    safetensors.torch.save_file({**found, **tensors}, path, {**said, **(words or {})})


@pytest.fixture
def stranger(tmp_path):
    path = tmp_path / f"stranger{FACES.suffix}"
    save(path, faces())
    return path


def test_other_formats_are_named(stranger):
    rewritten(stranger, {"format": "likeness faces 7", "pack": "9.9.9"})
    assert "written by version 9.9.9 of the pack" in refused(stranger) and "Update the pack" in refused(stranger)
    rewritten(stranger, {"format": "likeness embeds 1"})
    assert "('likeness embeds 1')" in refused(stranger)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.int32])
def test_numbers_of_another_type_are_refused(kind, stranger):
    rewritten(stranger, keypoints=torch.tensor(FIVE)[None].to(kind))
    refused(stranger)


@pytest.mark.parametrize("word", ["pictures", "recognisers", "found"])
@pytest.mark.parametrize("depth", [100, 100_000])
def test_lists_that_are_nested_too_deep(word, depth, stranger):
    rewritten(stranger, {word: "[" * depth})
    refused(stranger)


def test_a_damaged_file_is_refused(stranger):
    whole = stranger.read_bytes()
    for damaged in (whole[:-100], whole[:30], b"", b"\xff" * 64):
        stranger.write_bytes(damaged)
        assert "cannot be read as faces: it is damaged" in refused(stranger)


def test_more_pictures_than_one_file_can_name_are_not_saved(tmp_path):
    many = faces() * 20_000
    with pytest.raises(ValueError, match="20000 pictures are too many"):
        save(tmp_path / f"a{FACES.suffix}", many)
    assert not list(tmp_path.iterdir())


def test_the_file_says_what_it_is_and_names_no_path(stranger):
    with safetensors.safe_open(stranger, "pt") as file:
        said = file.metadata()
    assert said["format"] == FORMAT and json.loads(said["recognisers"]) == ["ResNet100"]
    assert json.loads(said["pictures"]) == [[128, 128, faces()[0].picture.digest, 1]]
    assert "/" not in json.dumps(said)


def test_the_same_faces_are_the_same_bytes(tmp_path):
    one, two = tmp_path / f"a{FACES.suffix}", tmp_path / f"b{FACES.suffix}"
    save(one, faces())
    save(two, faces())
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("name", ["with space", "\u4f60\u597d", "\U0001f642 \U0001f9ea", "a'b\"c$(d)"], ids=ascii)
def test_names_of_any_script(name, tmp_path):
    path = tmp_path / f"{name}{FACES.suffix}"
    save(path, faces())
    assert len(load(path)) == 1
    path.write_bytes(b"no faces any more")
    refused(path)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(stranger, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    before = stranger.read_bytes()
    monkeypatch.setattr(write_whole.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(stranger, faces(1))
    assert stranger.read_bytes() == before and list(stranger.parent.iterdir()) == [stranger]


def test_a_process_that_is_killed_while_saving_leaves_the_old_file(stranger, monkeypatch):
    before = stranger.read_bytes()
    child = os.fork() if hasattr(os, "fork") else pytest.skip("needs fork")
    if child == 0:
        monkeypatch.setattr(write_whole.os, "fsync", lambda descriptor: os.kill(os.getpid(), 9))
        save(stranger, faces(1))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 9
    assert stranger.read_bytes() == before
