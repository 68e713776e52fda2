"""Folders of models as people really have them."""

import shutil

import onnx
import pytest
from onnx import TensorProto, helper
from pack.face.errors import MissingModel
from pack.face.packs import LICENCE, find_packs, read_pack


def model(path, side, outputs, length=1):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Conv", ["in", "w"], ["out0"])],
        "graph",
        [value("in", TensorProto.FLOAT, ("N", 3, side, side))],
        [value(f"out{i}", TensorProto.FLOAT, ("N", length)) for i in range(outputs)],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph), str(path))


def detector(path):
    model(path, "s", 9)


def recogniser(path):
    model(path, 112, 1, 512)


@pytest.fixture
def antelope(tmp_path):
    folder = tmp_path / "models" / "antelopev2"
    detector(folder / "a.onnx")
    recogniser(folder / "b.onnx")
    return folder


def test_files_are_picked_by_graph_not_by_name(antelope):
    pack = read_pack(antelope)
    assert (pack.name, pack.detector.name, pack.recogniser.name) == ("antelopev2", "a.onnx", "b.onnx")
    assert pack.recogniser_id.startswith("network of unknown training")
    assert LICENCE in pack.notes


def test_a_zip_unpacked_into_a_folder_of_its_own_name_works(antelope):
    nested = antelope / "antelopev2"
    nested.mkdir()
    for file in list(antelope.glob("*.onnx")):
        shutil.move(file, nested / file.name)
    assert read_pack(antelope).detector.parent == nested


def test_a_zip_unpacked_twice_works_and_the_outer_files_count(antelope):
    shutil.copytree(antelope, antelope / "antelopev2")
    assert read_pack(antelope).recogniser == antelope / "b.onnx"


def test_stray_files_are_left_alone(antelope):
    model(antelope / "inswapper_128.onnx", 128, 1)
    model(antelope / "1k3d68.onnx", 192, 1, 3309)
    (antelope / "broken.onnx").write_bytes(b"<html>")
    pack = read_pack(antelope)
    assert pack.recogniser.name == "b.onnx"
    assert any("broken.onnx" in note for note in pack.notes)


def test_two_recognisers_are_refused_by_name(antelope):
    recogniser(antelope / "c.onnx")
    recogniser(antelope / "more" / "d.onnx")
    with pytest.raises(
        MissingModel, match=r"3 recognisers: b.onnx \(network of unknown .*\), c.onnx .*d.onnx.*Keep one recogniser"
    ):
        read_pack(antelope)


def test_a_missing_recogniser_is_named_with_its_place(antelope):
    (antelope / "b.onnx").unlink()
    pack = read_pack(antelope)
    assert pack.recogniser is None
    assert any("glintr100.onnx" in note and "antelopev2.zip" in note and "github.com" in note for note in pack.notes)


@pytest.mark.parametrize("make", [lambda folder: folder.mkdir(), lambda folder: model(folder / "x.onnx", 192, 1)])
def test_a_folder_with_neither_says_what_belongs_there(tmp_path, make):
    folder = tmp_path / "buffalo_l"
    make(folder)
    with pytest.raises(MissingModel, match=r"det_10g.onnx.*w600k_r50.onnx"):
        read_pack(folder)


def test_packs_are_found_in_both_usual_places(antelope, tmp_path):
    detector(tmp_path / "mine" / "deep" / "x.onnx")
    (tmp_path / "empty").mkdir()
    (tmp_path / "loose.onnx").write_bytes(b"")
    assert find_packs([tmp_path, tmp_path / "absent"]) == {"antelopev2": antelope, "mine": tmp_path / "mine"}
