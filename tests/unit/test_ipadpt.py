"""Embeds of the old pack are read as tensors, and nothing in their files is run."""

import pickle

import pytest
import torch
from pack.attention.reference import embeds_file, ipadpt


@pytest.mark.parametrize(("shape", "name"), [((2, 64), "image_embeds"), ((1, 257, 80), "penultimate")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_number_of_dimensions_says_what_they_are(tmp_path, shape, name, dtype):
    saved = torch.rand(shape).to(dtype)
    torch.save(saved, tmp_path / "anna.ipadpt")
    embeds = embeds_file.load(tmp_path / "anna.ipadpt").embeds
    assert embeds.names == (name,) and torch.equal(embeds.feature(name), saved.float())


class Evil:
    def __reduce__(self):
        return (open, ("ran", "w"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (Evil(), "nothing in it is run"),
        ({"a": torch.ones(1, 2)}, "contains dict"),
        (torch.ones(3), "shape"),
        (torch.ones(1, 2).long(), "shape"),
        (torch.full((1, 2), torch.nan), "contains NaN"),
    ],
)
def test_anything_else_is_refused(tmp_path, monkeypatch, content, said):
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / "anna.ipadpt")
    with pytest.raises(ValueError, match=said) as error:
        ipadpt.load(tmp_path / "anna.ipadpt")
    assert "anna.ipadpt" in str(error.value) and not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"no torch file", pickle.dumps(Evil())])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "anna.ipadpt").write_bytes(content)
    with pytest.raises(ValueError, match=r"anna.ipadpt"):
        ipadpt.load(tmp_path / "anna.ipadpt")
