"""Files of embeds: what they keep, what they say of themselves, and what is refused."""

import json
import pickle
import re

import pytest
import safetensors.torch
import torch
from pack.attention.files import write_whole
from pack.attention.files.made_by import pack_version
from pack.attention.reference.embeds import Embeds
from pack.attention.reference.embeds_file import FORMAT, MadeFor, load, save
from safetensors import safe_open

ADAPTER = MadeFor("plus.safetensors", "plus", "sdxl", "ab" * 32)


def some():
    generator = torch.Generator().manual_seed(0)
    return Embeds(
        penultimate=torch.randn(2, 5, 8, generator=generator),
        face=torch.randn(2, 512, generator=generator),
        encoder="CLIP ViT-H/14",
    )


def header(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def test_what_is_saved_is_loaded_bit_for_bit(tmp_path):
    path = tmp_path / "a.likeness.safetensors"
    save(path, some(), ADAPTER)
    saved = load(path)
    assert saved.embeds.names == ("penultimate", "face")
    assert all(torch.equal(saved.embeds.feature(name), some().feature(name)) for name in saved.embeds.names)
    assert (saved.embeds.encoder, saved.made_for, saved.pack) == ("CLIP ViT-H/14", ADAPTER, pack_version())
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_file_says_what_it_is(tmp_path):
    path = tmp_path / "a.likeness.safetensors"
    save(path, some(), ADAPTER)
    said = header(path)
    assert said["format"] == FORMAT and said["count"] == "2"
    assert json.loads(said["features"]) == {"penultimate": [2, 5, 8], "face": [2, 512]}
    assert json.loads(said["adapter"])["family"] == "sdxl"
    assert re.fullmatch(r"\d+\.\d+\.\d+", said["pack"])


def test_the_same_embeds_are_the_same_bytes(tmp_path):
    for name in "ab":
        save(tmp_path / f"{name}.likeness.safetensors", some(), ADAPTER)
    assert (tmp_path / "a.likeness.safetensors").read_bytes() == (tmp_path / "b.likeness.safetensors").read_bytes()


def test_saving_without_an_adapter_names_none(tmp_path):
    path = tmp_path / "a.likeness.safetensors"
    save(path, some())
    assert load(path).made_for is None


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.likeness.safetensors"
    save(path, some())
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(write_whole.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        save(path, Embeds(face=torch.zeros(1, 512)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_is_neither_saved_nor_loaded(tmp_path, bad):
    tensor = torch.zeros(1, 512)
    tensor[0, 7] = bad
    with pytest.raises(ValueError, match="'face' in the embeds contains NaN"):
        save(tmp_path / "a", Embeds(face=tensor))
    assert not list(tmp_path.iterdir())
    written(tmp_path / "b.likeness.safetensors", {"face": tensor})
    with pytest.raises(ValueError, match="'face' in 'b.likeness.safetensors' contains NaN"):
        load(tmp_path / "b.likeness.safetensors")


def written(path, tensors, **changed):
    features = {name: list(tensor.shape) for name, tensor in tensors.items()}
    said = {"format": FORMAT, "pack": "9.9.9", "encoder": "", "features": json.dumps(features), **changed}
    safetensors.torch.save_file(tensors, path, {key: value for key, value in said.items() if value is not None})


FACE = {"face": torch.zeros(1, 512)}
REFUSED = {
    "of a newer format": (FACE, {"format": "likeness embeds 7"}, "version 9.9.9 of the pack; this is version .* reads"),
    "another safetensors file": (FACE, {"format": "pt"}, r"does not contain embeds of this pack .*\('pt'\)"),
    "a file that says nothing": (FACE, {"format": None}, "does not contain embeds of this pack"),
    "other features than it says": (FACE, {"features": '{"face": [2, 512]}'}, "does not contain what its header lists"),
    "no list of features": (FACE, {"features": "["}, "does not state its features"),
    "an unknown feature": ({"mood": torch.zeros(1, 4)}, {}, "'mood' in .* has the shape"),
    "a feature of another shape": ({"face": torch.zeros(512)}, {}, "'face' in .* has the shape"),
    "different counts": (
        {"face": torch.zeros(1, 512), "unit_face": torch.zeros(2, 512)},
        {},
        "different numbers of pictures: {'face': 1, 'unit_face': 2}",
    ),
    "nothing": ({}, {}, "no features in"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_something_else_is_refused_by_name(tmp_path, case):
    tensors, changed, says = REFUSED[case]
    written(tmp_path / "x.likeness.safetensors", tensors, **changed)
    with pytest.raises(ValueError, match=says) as caught:
        load(tmp_path / "x.likeness.safetensors")
    assert "x.likeness.safetensors" in str(caught.value)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "a.likeness.safetensors"
    save(path, some())
    whole = path.read_bytes()
    for damaged in (whole[:-100], whole[:30], b"", b"\xff" * 64):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"'a.likeness.safetensors' cannot be read as embeds: it is damaged"):
            load(path)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


@pytest.mark.parametrize(
    "write", [lambda path: path.write_bytes(pickle.dumps(Trap())), lambda p: torch.save(Trap(), p)]
)
def test_a_pickle_is_refused_and_not_run(tmp_path, write):
    path = tmp_path / "a.likeness.safetensors"
    write(path)
    with pytest.raises(ValueError, match="damaged or not a safetensors"):
        load(path)
