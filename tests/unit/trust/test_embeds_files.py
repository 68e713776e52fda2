"""Files of embeds from strangers: anybody may upload one, so each is read into memory of our own or refused by name."""

import json
import os
import threading
import tracemalloc

import hostile
import pytest
import safetensors.torch
import torch
from pack.attention.files import read_whole, write_whole
from pack.attention.reference.embeds import Embeds
from pack.attention.reference.embeds_file import FORMAT, SUFFIX, load, save

MOST = 64 << 20


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


@pytest.mark.parametrize("suffix", [SUFFIX, ".ipadpt"])
@pytest.mark.parametrize("case", hostile.ANY_SUFFIX)
def test_what_is_no_file_of_embeds(case, suffix, tmp_path):
    path = tmp_path / f"stranger{suffix}"
    hostile.ANY_SUFFIX[case](path)
    refused(path)


@pytest.mark.parametrize("case", hostile.HEADERS)
def test_headers_that_lie(case, tmp_path):
    path = tmp_path / f"stranger{SUFFIX}"
    hostile.HEADERS[case](path)
    refused(path)


@pytest.mark.parametrize("case", hostile.PICKLES)
def test_pickles_that_lie(case, tmp_path):
    path = tmp_path / "stranger.ipadpt"
    hostile.PICKLES[case](path)
    refused(path)


@pytest.mark.parametrize("container", hostile.CONTAINERS)
@pytest.mark.parametrize("trap", hostile.traps(""))
@pytest.mark.parametrize("suffix", [SUFFIX, ".ipadpt"])
def test_code_in_a_file_does_not_run(suffix, trap, container, tmp_path, not_run):
    path = tmp_path / f"stranger{suffix}"
    hostile.write_trap(hostile.traps(not_run)[trap], container, path)
    refused(path)


def said(tensors, **more):
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    return {"format": FORMAT, "pack": "1", "features": json.dumps(shapes), **more}


@pytest.mark.parametrize("depth", [100, 100_000])
@pytest.mark.parametrize("entry", ["features", "adapter"])
def test_lists_that_are_nested_too_deep(entry, depth, tmp_path):
    path = tmp_path / f"stranger{SUFFIX}"
    tensors = {"face": torch.zeros(1, 512)}
    safetensors.torch.save_file(tensors, path, said(tensors) | {entry: "[" * depth})
    refused(path)


def test_more_than_fits_into_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / f"stranger{SUFFIX}"
    count = 1 << 20
    header = {
        "__metadata__": said({"face": torch.empty(count, 512, device="meta")}),
        "face": hostile.entry(shape=(count, 512), offsets=(0, 4 * 512 * count)),
    }
    head = hostile.safetensors_header(header)
    hostile.sparse(path, len(head) + 4 * 512 * count, head)  # 2 GB of zeros, and true to its word
    monkeypatch.setattr(read_whole.comfy.model_management, "get_free_memory", lambda device: 1 << 30)
    assert "bytes are free" in refused(path)


def test_a_file_that_is_cut_off_while_it_is_read(tmp_path):
    """A mapped file would end the process here, and pytest with it."""
    path = tmp_path / f"stranger{SUFFIX}"
    save(path, Embeds(penultimate=torch.randn(8, 257, 1280)))
    content = path.read_bytes()
    stop, outcomes = threading.Event(), []

    def overwrite():
        while not stop.is_set():
            path.write_bytes(content[:1000])
            path.write_bytes(content)

    thread = threading.Thread(target=overwrite)
    thread.start()
    try:
        for _ in range(30):
            try:
                outcomes.append(load(path).embeds.count)
            except ValueError as error:
                outcomes.append(path.name in str(error))
    finally:
        stop.set()
        thread.join()
    assert set(outcomes) <= {True, 8}
    path.write_bytes(content)
    assert load(path).embeds.count == 8


@pytest.mark.parametrize("name", ["with space", "\u4f60\u597d", "\U0001f642 \U0001f9ea", "a'b\"c$(d)"], ids=ascii)
def test_names_of_any_script(name, tmp_path):
    path = tmp_path / f"{name}{SUFFIX}"
    save(path, Embeds(face=torch.ones(1, 512)))
    assert load(path).embeds.count == 1
    path.write_bytes(b"no embeds any more")
    refused(path)


def test_a_process_that_is_killed_while_saving_leaves_the_old_file(tmp_path, monkeypatch):
    """Killed for real, by the one signal that nothing can catch, after half of the new file was written."""
    path = tmp_path / f"a{SUFFIX}"
    save(path, Embeds(face=torch.ones(1, 512)))
    before = path.read_bytes()
    child = os.fork() if hasattr(os, "fork") else pytest.skip("needs fork")
    if child == 0:
        monkeypatch.setattr(write_whole.os, "fsync", lambda descriptor: os.kill(os.getpid(), 9))
        save(path, Embeds(face=torch.zeros(900, 512)))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 9
    assert path.read_bytes() == before
    assert load(path).embeds.count == 1
