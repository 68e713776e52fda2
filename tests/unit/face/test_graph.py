"""ONNX files are told by their contents: whatever they are called."""

import re

import onnx
import pytest
from onnx import TensorProto, helper
from pack.face.errors import MissingModel
from pack.face.graph import DETECTOR, OTHER, RECOGNISER, read_graph
from pack.face.recognisers import MOBILEFACENET, RESNET50, RESNET100

IRESNET = {RESNET100: (3, 13, 30, 3), RESNET50: (3, 4, 14, 3), "network": (2, 2, 2, 2)}


def save(path, inputs, outputs, nodes=()):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [value(f"in{i}", TensorProto.FLOAT, shape) for i, shape in enumerate(inputs)],
        [value(f"out{i}", TensorProto.FLOAT, shape) for i, shape in enumerate(outputs)],
    )
    onnx.save(helper.make_model(graph), str(path))
    return path


def convolutions(count, depthwise=0):
    """Only what is counted: nodes of a recogniser, not its weights."""
    for i in range(count):
        yield helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"x{i + 1}"], group=64 if i < depthwise else 1)


def iresnet(blocks):
    """Stem, one shortcut for each stage, two convolutions for each block (3x3, 3x3)."""
    return convolutions(1 + len(blocks) + 2 * sum(blocks))


@pytest.mark.parametrize("name", IRESNET)
def test_recognisers_that_nobody_published_are_described_by_their_depth(tmp_path, name):
    path = save(tmp_path / "model.onnx", [("N", 3, 112, 112)], [(1, 512)], iresnet(IRESNET[name]))
    graph = read_graph(path)
    assert graph.task == RECOGNISER
    assert re.fullmatch(rf"{name} of unknown training \([0-9a-f]{{8}}\)", graph.detail)


def test_mobilefacenet_is_told_by_its_depthwise_convolutions(tmp_path):
    path = save(tmp_path / "w600k_r50.onnx", [("N", 3, 112, 112)], [(1, 512)], convolutions(49, depthwise=16))
    assert read_graph(path).detail.startswith(f"{MOBILEFACENET} of unknown training")


@pytest.mark.parametrize("outputs", [9, 15])
def test_detectors_with_keypoints_are_detectors(tmp_path, outputs):
    path = save(tmp_path / "x.onnx", [(1, 3, "h", "w")], [("n", 1)] * outputs, convolutions(3))
    assert read_graph(path).task == DETECTOR


@pytest.mark.parametrize(
    ("inputs", "outputs", "detail"),
    [
        ([(1, 3, "h", "w")], [("n", 1)] * 6, "detector without keypoints"),
        ([("N", 3, 192, 192)], [(1, 212)], "landmarks"),
        ([("N", 3, 96, 96)], [(1, 3)], "gender and age"),
        ([(1, 3, 128, 128), (1, 512)], [(1, 3, 128, 128)], "face swapper"),
        ([("N", 3, 112, 112)], [(1, 128)], "not a face detector or recogniser"),
        ([("N", 3, 224, 224)], [(1, 1000)], "not a face detector or recogniser"),
    ],
)
def test_what_is_neither_is_called_by_what_it_seems(tmp_path, inputs, outputs, detail):
    graph = read_graph(save(tmp_path / "x.onnx", inputs, outputs, convolutions(3)))
    assert (graph.task, graph.detail) == (OTHER, detail)


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1", b"<html>404</html>"])
def test_a_broken_download_is_named(tmp_path, content):
    (tmp_path / "glintr100.onnx").write_bytes(content)
    with pytest.raises(MissingModel, match="glintr100.onnx is not a readable ONNX file"):
        read_graph(tmp_path / "glintr100.onnx")
