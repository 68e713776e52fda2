"""Names of files as strangers write them: nothing leads out of the folder, by whatever road."""

import os

import pytest
import torch
from pack.attention.reference.embeds import Embeds
from pack.attention.reference.embeds_file import SUFFIX, save
from pack.nodes.files.folders import ADAPTERS

folder_paths = pytest.importorskip("folder_paths", reason="needs ComfyUI")
OUT = [
    f"../outside{SUFFIX}", f"a/../../outside{SUFFIX}", f"..\\outside{SUFFIX}", f"/tmp/outside{SUFFIX}",
    f"C:\\outside{SUFFIX}", f"C:outside{SUFFIX}", f"\\\\server\\share\\outside{SUFFIX}", f"//server/outside{SUFFIX}",
    f"nul\0{SUFFIX}", "", ".", "..", SUFFIX * 90, f"link{SUFFIX}", f"linked/outside{SUFFIX}", f"loop{SUFFIX}",
    f"folder{SUFFIX}",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """ComfyUI's input and output folder with a file outside of it, and links that lead there."""
    inside = tmp_path / "inside"
    (inside / f"folder{SUFFIX}").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for path in (tmp_path / f"outside{SUFFIX}", tmp_path / "elsewhere" / f"outside{SUFFIX}", inside / f"good{SUFFIX}"):
        save(path, Embeds(face=torch.ones(1, 512)))
    (inside / f"link{SUFFIX}").symlink_to(tmp_path / f"outside{SUFFIX}")
    (inside / "linked").symlink_to(tmp_path / "elsewhere")
    (inside / f"loop{SUFFIX}").symlink_to(f"loop{SUFFIX}")
    (inside / f"alias{SUFFIX}").symlink_to(f"good{SUFFIX}")
    monkeypatch.setattr(folder_paths, "input_directory", str(inside))
    monkeypatch.setattr(folder_paths, "output_directory", str(inside))
    for kind in ADAPTERS:
        monkeypatch.setitem(folder_paths.folder_names_and_paths, kind, ([str(inside)], {".safetensors"}))
    return inside


@pytest.mark.parametrize("mark", ["", " [output]"])
@pytest.mark.parametrize("name", OUT, ids=ascii)
def test_embeds_outside_of_the_folder_are_not_there(name, mark, folder):
    from pack.nodes.files.saved_files import EMBEDS

    with pytest.raises(ValueError, match="there is no file of embeds"):
        EMBEDS.path_of(name + mark)


def test_a_link_inside_the_folder_is_followed(folder):
    from pack.nodes.files.saved_files import EMBEDS

    assert EMBEDS.path_of(f"alias{SUFFIX}").is_file() and EMBEDS.path_of(f"good{SUFFIX}").is_file()


@pytest.mark.parametrize("name", OUT[:12], ids=ascii)
def test_adapters_outside_of_the_folders_are_not_there(name, folder):
    from pack.nodes.files.folders import adapter_path

    with pytest.raises(ValueError, match="there is no adapter file"):
        adapter_path(name)


@pytest.mark.parametrize(
    "prefix", ["../a", "a/../../b", "..\\a", "/tmp/a", "C:\\a", "C:a", "\\\\s\\a", "", "a\0b", "x/"]
)
def test_nothing_is_saved_outside_of_the_folder(prefix, folder):
    from pack.nodes.forms.save_embeds import SaveEmbeds

    before = sorted(os.walk(folder.parent))
    with pytest.raises(ValueError, match="output folder"):
        SaveEmbeds.execute(Embeds(face=torch.ones(1, 512)), prefix)
    assert sorted(os.walk(folder.parent)) == before


@pytest.mark.parametrize("prefix", ["with space/a b", "\u4f60\u597d/\u8138", "\U0001f642", "a'b\"c$(d)"], ids=ascii)
def test_names_of_any_script_are_saved_listed_and_read(prefix, folder):
    from pack.nodes.files.saved_files import EMBEDS
    from pack.nodes.forms.load_embeds import LoadEmbeds
    from pack.nodes.forms.save_embeds import SaveEmbeds

    SaveEmbeds.execute(Embeds(face=torch.ones(1, 512)), prefix)
    name = f"{prefix}_00001_{SUFFIX} [output]"
    assert name in EMBEDS.listed()
    assert LoadEmbeds.execute(name).args[0].count == 1
