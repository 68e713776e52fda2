"""Face packs from strangers: each file is named with what is wrong with it, and no graph runs to find out."""

import shutil
from pathlib import Path

import hostile
import pytest
from pack.face.errors import MissingModel
from pack.face.models import load
from pack.face.packs import find_packs, read_pack

onnx = pytest.importorskip("onnx", reason="needs onnx, which comes with insightface")
ROOT = Path(__file__).resolve().parents[3]
REAL = ROOT / ".likeness" / "test-data" / "insightface" / "models" / "vectron"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "stranger's pack"
    made.mkdir()
    return made


@pytest.mark.parametrize("case", hostile.ANY_SUFFIX)
def test_what_is_no_graph_is_named(case, folder):
    path = folder / "stranger.onnx"
    hostile.ANY_SUFFIX[case](path)
    with pytest.raises(MissingModel) as caught:
        read_pack(folder)
    assert "stranger" in str(caught.value) and len(str(caught.value)) < 1200
    if path.is_file():
        assert "Ignored: stranger.onnx" in str(caught.value)


def graph(nodes=(), outputs=1, name="x", side=112):
    value = onnx.helper.make_tensor_value_info
    shape = [1, 3, side, side]
    given = [value(f"out{i}", onnx.TensorProto.FLOAT, [1, 512]) for i in range(outputs)]
    return onnx.helper.make_graph(list(nodes), name, [value("x", onnx.TensorProto.FLOAT, shape)], given)


def recogniser(weights=None):
    """A graph that looks like a recogniser from outside."""
    flat = onnx.helper.make_node("Flatten", ["x"], ["flat"])
    product = onnx.helper.make_node("MatMul", ["flat", "w"], ["out0"])
    made = graph([flat, product])
    tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[3 * 112 * 112, 512])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, entry in (("location", weights), ("offset", "0"), ("length", str(4 * 3 * 112 * 112 * 512))):
        tensor.external_data.add(key=key, value=entry)
    made.initializer.append(tensor)
    return onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 13)])


@pytest.mark.parametrize("weights", ["../secret.bin", "/etc/passwd", "missing.bin"])
def test_weights_outside_of_the_folder_are_not_read(weights, folder):
    (folder.parent / "secret.bin").write_bytes(bytes(4 * 3 * 112 * 112 * 512))
    (folder / "stranger.onnx").write_bytes(recogniser(weights).SerializeToString())
    with pytest.raises(MissingModel, match=r"stranger\.onnx"):
        load(folder, "CPU")


def test_a_graph_that_cannot_run_is_named(folder):
    broken = graph([onnx.helper.make_node("NoSuchOperator", ["x"], ["out0"])])
    (folder / "stranger.onnx").write_bytes(onnx.helper.make_model(broken).SerializeToString())
    with pytest.raises(MissingModel, match=r"stranger\.onnx"):
        load(folder, "CPU")


def test_a_real_model_that_was_cut_off_is_named(folder):
    if not REAL.is_dir():
        pytest.skip("'python run.py test' fetches the models")
    for path in REAL.rglob("*.onnx"):
        content = path.read_bytes()
        (folder / path.name).write_bytes(content[: len(content) // 2])
    with pytest.raises(MissingModel) as caught:
        load(folder, "CPU")
    assert all(path.name in str(caught.value) for path in REAL.rglob("*.onnx"))


def test_one_hostile_file_hides_no_other_pack(tmp_path):
    if not REAL.is_dir():
        pytest.skip("'python run.py test' fetches the models")
    for name in ("a bad one", "good"):
        (tmp_path / "models" / name).mkdir(parents=True)
    (tmp_path / "models" / "a bad one" / "x.onnx").write_bytes(b"\x00" * 99)
    for path in REAL.rglob("*.onnx"):
        shutil.copy(path, tmp_path / "models" / "good")
    found = find_packs([tmp_path])
    assert set(found) == {"a bad one", "good"}
    assert read_pack(found["good"]).detector is not None
