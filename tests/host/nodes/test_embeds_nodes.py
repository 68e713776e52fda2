"""Combine, Save and Load Embeds in ComfyUI's own folders."""

import os
from pathlib import Path

import pytest
import torch
from pack.attention.reference.embeds_file import SUFFIX
from pack.nodes.files.saved_files import EMBEDS
from pack.nodes.forms.combine_embeds import CombineEmbeds
from pack.nodes.forms.encode_reference import EncodeReference
from pack.nodes.forms.load_embeds import LoadEmbeds
from pack.nodes.forms.save_embeds import SaveEmbeds


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    import folder_paths

    for name in ("input", "output"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    return tmp_path


@pytest.fixture
def embeds(load, picture):
    def made(family="sd15", variant="base", **inputs):
        inputs.setdefault("image", picture(1))
        return EncodeReference.execute(load(family, variant), **inputs).args[0]

    return made


@pytest.mark.parametrize("node", [CombineEmbeds, SaveEmbeds, LoadEmbeds], ids=lambda node: node.__name__)
def test_every_socket_is_explained(node):
    schema = node.define_schema()
    schema.validate()
    assert (
        schema.node_id == f"Likeness{node.__name__}"
        and schema.category == "likeness/reference"
        and schema.search_aliases
    )
    assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
    node.GET_NODE_INFO_V1()


def saved(folders):
    return sorted(path.relative_to(folders).as_posix() for path in folders.rglob("*") if path.is_file())


def test_saved_embeds_steer_exactly_as_the_picture_did(ran, load, embeds, sd15, apply, ksample, folders):
    ran(SaveEmbeds, embeds=embeds(), filename_prefix="people/anna", adapter=load("sd15"))
    assert saved(folders) == [f"output/people/anna_00001_{SUFFIX}"]
    (name,) = LoadEmbeds.define_schema().inputs[0].options
    loaded = ran(LoadEmbeds, file=name, adapter=load("sd15"))
    by_file = apply(sd15.model, "sd15", embeds=loaded.embeds)
    assert torch.equal(ksample(sd15, by_file), ksample(sd15, apply(sd15.model, "sd15")))
    assert "saved for sd15-base-7.safetensors" in loaded.text


def test_files_are_numbered_and_none_is_overwritten(ran, embeds, folders):
    for _ in range(3):
        ran(SaveEmbeds, embeds=embeds(), filename_prefix="anna")
    assert saved(folders) == [f"output/anna_0000{i}_{SUFFIX}" for i in (1, 2, 3)]


def test_the_history_gets_the_files_name(embeds):
    output = SaveEmbeds.PREPARE_CLASS_CLONE({}).execute(embeds=embeds(), filename_prefix="a/b")
    assert output.ui["embeds"] == [{"filename": f"b_00001_{SUFFIX}", "subfolder": "a", "type": "output"}]


OUTSIDE = ["../a", "a/../../b", "/tmp/a", "C:\\a", "C:a", "\\\\server\\share\\a", "..\\a", "a\0b", "", "."]


@pytest.mark.parametrize("prefix", OUTSIDE, ids=repr)
def test_a_name_outside_the_output_folder_is_refused(ran, embeds, folders, prefix):
    with pytest.raises(ValueError, match="is no name below ComfyUI's output folder"):
        ran(SaveEmbeds, embeds=embeds(), filename_prefix=prefix)
    assert not saved(folders)


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret" + SUFFIX, "C:\\x" + SUFFIX, "none" + SUFFIX], ids=repr)
@pytest.mark.parametrize("mark", ["", " [output]"])
def test_only_listed_files_can_be_loaded(ran, folders, name, mark):
    (folders / ("secret" + SUFFIX)).write_bytes(b"x")
    with pytest.raises(ValueError, match="there is no file of embeds"):
        ran(LoadEmbeds, file=name + mark)


def test_both_folders_are_listed_and_nothing_else(ran, embeds, folders):
    ran(SaveEmbeds, embeds=embeds(), filename_prefix="a")
    (folders / "input" / "faces").mkdir()
    (folders / "output" / f"a_00001_{SUFFIX}").rename(folders / "input" / "faces" / f"b{SUFFIX}")
    ran(SaveEmbeds, embeds=embeds(), filename_prefix="c")
    (folders / "output" / "model.safetensors").write_bytes(b"x")
    options = LoadEmbeds.define_schema().inputs[0].options
    assert options == [f"faces/b{SUFFIX}", f"c_00001_{SUFFIX} [output]"]
    for name in options:
        assert ran(LoadEmbeds, file=name).embeds.count == 1


def test_a_folder_is_read_again_only_when_it_changed(folders, monkeypatch):
    (folders / "output" / "old").mkdir()
    (folders / "output" / "old" / f"a{SUFFIX}").touch()
    for path in (folders / "output" / "old", folders / "output", folders / "input"):
        os.utime(path, (1, 1))
    assert EMBEDS.listed() == [f"old/a{SUFFIX} [output]"]
    read = []
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda folder: read.append(folder) or walk(folder))
    assert EMBEDS.listed() == [f"old/a{SUFFIX} [output]"] and not read
    (folders / "output" / f"b{SUFFIX}").touch()
    assert EMBEDS.listed() == [f"b{SUFFIX} [output]", f"old/a{SUFFIX} [output]"]
    assert read == [folders / "output"]


def test_the_path_of_one_file_is_found_without_reading_folders(folders, monkeypatch):
    (folders / "input" / f"a{SUFFIX}").touch()
    (folders / "input" / f"folder{SUFFIX}").mkdir()
    (folders / "input" / "model.safetensors").touch()
    monkeypatch.setattr(os, "walk", None)
    assert EMBEDS.path_of(f"a{SUFFIX}") == folders / "input" / f"a{SUFFIX}"
    for name in (f"folder{SUFFIX}", "model.safetensors", f"../input/a{SUFFIX}"):
        with pytest.raises(ValueError, match="there is no file of embeds"):
            EMBEDS.path_of(name)


def test_a_file_with_new_contents_under_its_old_name_is_loaded_again(ran, embeds, folders, picture):
    ran(SaveEmbeds, embeds=embeds(), filename_prefix="a")
    (name,) = LoadEmbeds.define_schema().inputs[0].options
    before = LoadEmbeds.fingerprint_inputs(file=name)
    assert LoadEmbeds.fingerprint_inputs(file=name) == before
    (folders / "output" / f"a_00001_{SUFFIX}").unlink()
    ran(SaveEmbeds, embeds=embeds(image=picture(2)), filename_prefix="a")
    assert LoadEmbeds.fingerprint_inputs(file=name) != before


def test_embeds_of_another_encoder_are_refused_with_both_sides(ran, load, embeds):
    ran(SaveEmbeds, embeds=embeds("sdxl"), filename_prefix="a", adapter=load("sdxl"))
    (name,) = LoadEmbeds.define_schema().inputs[0].options
    with pytest.raises(ValueError, match="contains image_embeds of width .* 'sd15-.*' .* reads image_embeds of width"):
        ran(LoadEmbeds, file=name, adapter=load("sd15"))
    assert "which reads the same features" in ran(LoadEmbeds, file=name, adapter=load("sdxl", "base", 8)).text


def test_embeds_that_do_not_fit_the_adapter_are_not_saved(ran, load, embeds, folders):
    with pytest.raises(ValueError, match="reads image_embeds of width"):
        ran(SaveEmbeds, embeds=embeds("sdxl"), adapter=load("sd15"))
    assert not saved(folders)


def test_combined_embeds_are_what_the_rule_makes_of_the_pictures(ran, embeds, picture):
    one, two = embeds(), embeds(image=picture(2))
    average = ran(CombineEmbeds, embeds_1=one, embeds_3=two, method="average").embeds
    torch.testing.assert_close(
        average.feature("image_embeds"), (one.feature("image_embeds") + two.feature("image_embeds")) / 2
    )
    assert ran(CombineEmbeds, embeds_1=one, embeds_2=two).embeds.count == 2


def test_weights_are_for_references_or_for_pictures(ran, embeds, picture):
    one, two = embeds(), embeds(image=picture(2, count=2))
    stacked = torch.cat([one.feature("image_embeds"), two.feature("image_embeds")])
    for text, factors in (("2", (2, 2, 2)), ("1, -1", (1, -1, -1)), ("1, 2, 3", (1, 2, 3))):
        made = ran(CombineEmbeds, embeds_1=one, embeds_2=two, method="add", weights=text).embeds.feature("image_embeds")
        expected = (stacked * torch.tensor(factors)[:, None]).sum(0, keepdim=True)
        torch.testing.assert_close(made, expected)
    with pytest.raises(ValueError, match="4 numbers for 2 references with 3 pictures"):
        ran(CombineEmbeds, embeds_1=one, embeds_2=two, weights="1, 2, 3, 4")


def test_saving_never_leaves_a_part_of_a_file(ran, embeds, folders):
    ran(SaveEmbeds, embeds=embeds(), filename_prefix="a")
    assert not [path for path in Path(folders).rglob("*") if path.suffix == ".part"]
