"""Adapter files that were made to be misread: one clear error each that names the file; nothing runs, nothing bursts."""

import contextlib
import os
import time
import tracemalloc

import hostile
import pytest
import torch
from pack.attention.adapter import checkpoint
from pack.attention.adapter.adapter import Adapter

SECONDS = 20  # of this process's own time; each takes milliseconds
MOST = 64 << 20  # bytes that Python may ask for on the way to the error
READERS = [checkpoint.read, checkpoint.read_outline]


def refused(read, path, match="cannot be used as an IP-Adapter"):
    """The message with which a file is refused, soon and without much memory."""
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(ValueError, match=match) as caught:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < SECONDS
    assert peak < MOST
    message = str(caught.value)
    assert path.name in message
    assert len(message) < 900
    return message


def whole(path):
    """A file as the node reads it: opened, recognised, its weights taken."""
    return Adapter(checkpoint.read(path))


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("case", hostile.ANY_SUFFIX)
@pytest.mark.parametrize("read", READERS)
def test_what_is_no_model_file(read, case, suffix, tmp_path):
    path = tmp_path / f"stranger{suffix}"
    hostile.ANY_SUFFIX[case](path)
    refused(read, path)


@pytest.mark.parametrize("case", hostile.HEADERS)
@pytest.mark.parametrize("read", READERS)
def test_headers_that_lie(read, case, tmp_path):
    path = tmp_path / "stranger.safetensors"
    hostile.HEADERS[case](path)
    refused(read, path)


@pytest.mark.parametrize("case", hostile.PICKLES)
@pytest.mark.parametrize("read", READERS)
def test_pickles_that_lie(read, case, tmp_path):
    path = tmp_path / "stranger.bin"
    hostile.PICKLES[case](path)
    refused(read, path)


@pytest.mark.parametrize("container", hostile.CONTAINERS)
@pytest.mark.parametrize("trap", hostile.traps(""))
@pytest.mark.parametrize("suffix", [".bin", ".pt", ".safetensors"])
@pytest.mark.parametrize("read", READERS)
def test_code_in_a_file_does_not_run(read, suffix, trap, container, tmp_path, not_run):
    path = tmp_path / f"stranger{suffix}"
    hostile.write_trap(hostile.traps(not_run)[trap], container, path)
    refused(read, path)


def test_the_traps_would_run(tmp_path):
    """The test above means something: an unpickler that runs code makes the file."""
    import pickle

    for name, trap in hostile.traps(tmp_path / "marker").items():
        path = tmp_path / f"{name}.bin"
        hostile.write_trap(trap, "bare", path)
        with path.open("rb") as file, contextlib.suppress(TypeError, OSError, pickle.UnpicklingError):
            pickle.load(file)
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("case", hostile.WEIGHTS)
def test_weights_that_are_none(case, suffix, faceid, tmp_path):
    path = tmp_path / f"stranger{suffix}"
    hostile.write(hostile.changed(faceid, *hostile.WEIGHTS[case]), path)
    refused(whole, path, match="stranger")


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("read", READERS)
def test_a_file_that_was_cut_off(read, part, suffix, faceid, tmp_path):
    path = tmp_path / f"stranger{suffix}"
    hostile.write(faceid, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refused(read, path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs the permissions of POSIX")
@pytest.mark.parametrize("closed", ["file", "folder"])
@pytest.mark.parametrize("read", READERS)
def test_a_file_that_may_not_be_read(read, closed, faceid, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    path = folder / "stranger.safetensors"
    hostile.write(faceid, path)
    (path if closed == "file" else folder).chmod(0)
    as_root = os.geteuid() == 0
    for parent in [tmp_path, *tmp_path.parents] if as_root else []:
        if parent.stat().st_uid == 0 and "pytest" in parent.name:
            parent.chmod(0o755)
    try:
        if as_root:
            os.seteuid(65534)
        refused(read, path)
    finally:
        if as_root:
            os.seteuid(0)
        folder.chmod(0o700)


NAMES = ["with space.bin", "\u4f60\u597d.bin", "\U0001f642 \U0001f9ea.safetensors", "a'b\"c$(d).bin", "." * 3 + "x.bin"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_of_any_script(name, faceid, tmp_path):
    path = tmp_path / name
    hostile.write(faceid, path)
    assert whole(path).name == name
    path.write_bytes(b"\x80 no adapter any more")
    for read in READERS:
        refused(read, path)


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_small_types_are_numbers(dtype, suffix, faceid, tmp_path):
    path = tmp_path / f"small{suffix}"
    hostile.write({p: {k: t.to(dtype) for k, t in tensors.items()} for p, tensors in faceid.items()}, path)
    assert whole(path).context_dim == 64
