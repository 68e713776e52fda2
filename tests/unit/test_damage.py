"""Files that are not what their names say are named by what they are instead."""

import json
import struct

import pytest
import safetensors.torch
import torch
from miniature import adapters
from pack.attention.adapter import checkpoint
from pack.attention.catalogue import find_encoder
from pack.attention.files.damage import damage, in_words

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:6ca9667da1ca\nsize 2528373448\n"


def onnx_like(length):
    """Fields of a protobuf message: a number, a text, then a graph of that many bytes."""
    return b"\x08\x07" + b"\x12\x04name" + b"\x3a" + varint(length) + bytes(length)


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def whole(suffix, path):
    if suffix == ".safetensors":
        safetensors.torch.save_file({"a": torch.zeros(2_650_000)}, path, metadata={"format": "pt"})
    elif suffix == ".onnx":
        path.write_bytes(onnx_like(10_600_000))
    else:
        torch.save({"a": torch.zeros(2_650_000)}, path)
    return path


@pytest.mark.parametrize(
    ("suffix", "there"), [(".safetensors", "5.3 of 10.6 MB"), (".onnx", "5.3 of 10.6 MB"), (".bin", "5.3 MB")]
)
def test_half_a_file_says_how_much_is_there(suffix, there, tmp_path):
    path = whole(suffix, tmp_path / f"file{suffix}")
    assert damage(path) is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert damage(path) == f"breaks off: {there} are there. The download did not end"


def test_a_long_file_of_tiny_fields_is_not_read_through(tmp_path):
    path = tmp_path / "file.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # zeros, each two of which are a field; the disk holds none of them
    assert damage(path) is None


def test_an_archive_without_its_end_is_measured_by_the_published_one(tmp_path):
    path = whole(".bin", tmp_path / "ip-adapter-faceid_sd15.bin")
    path.write_bytes(path.read_bytes()[:5_300_000])
    assert damage(path).startswith("breaks off: 5.3 of 96.7 MB are there")


@pytest.mark.parametrize("suffix", [".safetensors", ".bin", ".onnx", ".pth"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (POINTER, "is a Git LFS pointer, a few lines that stand for a file of 2.5 GB"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "is a web page that was saved in its place"),
        (b"\xef\xbb\xbf<HTML>", "is a web page that was saved in its place"),
        (b'{"error": "not found"}', "is a server's answer that was saved in its place"),
    ],
)
def test_what_was_saved_in_its_place_is_named(content, words, suffix, tmp_path):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    assert damage(path) == words


@pytest.mark.parametrize("share", [0.00001, 0.001, 0.5, 0.999])
def test_a_list_of_tensors_that_breaks_off_is_cut_off_too(share, tmp_path):
    path = tmp_path / "file.safetensors"
    adapters.write_safetensors(adapters.adapter_state_dict("sd15", "base", 5), path)
    path.write_bytes(path.read_bytes()[: max(9, int(path.stat().st_size * share))])
    assert damage(path).startswith("breaks off: ")


def test_hostile_headers_are_left_to_who_reads_them(tmp_path):
    path = tmp_path / "file.safetensors"
    for text in (
        b"{",
        b"[1]",
        b"[" * 100_000,
        json.dumps({"a": 7}).encode(),
        json.dumps({"a": {"data_offsets": [0]}}).encode(),
    ):
        path.write_bytes(struct.pack("<Q", len(text)) + text)
        assert damage(path) is None
    path.write_bytes(struct.pack("<Q", 1 << 62) + b"{}")
    assert damage(path) is None
    assert damage(tmp_path / "gone") is None and damage(tmp_path) is None


@pytest.mark.parametrize("read", [checkpoint.read, checkpoint.read_outline])
def test_an_adapter_says_it_in_its_error(read, tmp_path):
    path = tmp_path / "ip-adapter_sd15.safetensors"
    path.write_bytes(POINTER)
    with pytest.raises(
        ValueError, match="'ip-adapter_sd15.safetensors' cannot be used as an IP-Adapter: it is a Git LFS pointer"
    ):
        read(path)


def test_damaged_encoders_are_listed_published_names_first(tmp_path):
    names = ("a.safetensors", "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors", "sound.safetensors")
    files = [(name, tmp_path / name) for name in names]
    for _, path in files[:2]:
        path.write_bytes(b"<html>")
    safetensors.torch.save_file({"a": torch.zeros(2)}, files[2][1])
    found = find_encoder.damaged(files)
    assert [words.split("'")[1] for words in found] == [names[1], names[0]]
    assert all(words.endswith("is a web page that was saved in its place") for words in found)


def test_sizes_are_said_in_the_unit_of_the_whole():
    assert in_words(2_528_373_448) == "2.5 GB" and in_words(12) == "12 bytes"
    assert in_words(200_000, 10_600_000) == "0.2 of 10.6 MB" and in_words(3, 9) == "3 of 9 bytes"
