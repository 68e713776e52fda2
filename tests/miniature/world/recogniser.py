"""The world's face recogniser: a fixed network of random convolutions that reads upright crops of drawn faces.

Its last product is whitened; the two tensors of that are kept in a file, because how an
eigenvalue problem is solved differs in sign and order between machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy
import onnx
import torch
from numpy import ndarray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from . import files
from .faces import keypoints
from .layout import FACE_SEED
from .pictures import Drawn, draw_faces, identities

CROP, EMBEDDING = 112, 512
LAYERS: Sequence[tuple[int, int, int]] = ((24, 5, 4), (48, 3, 2), (48, 3, 2))  # channels, side, stride
CELLS = LAYERS[-1][0] * (CROP // 16) ** 2
CALIBRATED_ON = 600  # drawn faces
FLOOR = 0.5  # deviations below it stay small: there is little but noise


def weights() -> list[ndarray]:
    """The convolutions and the last product, by the seed alone."""
    random = numpy.random.default_rng(FACE_SEED)
    before, made = 3, []
    for channels, side, _ in LAYERS:
        shape = (channels, before, side, side)
        made.append(random.standard_normal(shape) * (2 / numpy.prod(shape[1:])) ** 0.5)
        before = channels
    made.append(random.standard_normal((EMBEDDING, CELLS)) * CELLS**-0.5)
    return [each.astype(numpy.float32) for each in made]


def network(shift: ndarray, turn: ndarray) -> onnx.ModelProto:
    """The network from pictures (n, 3, 112, 112), -1..1, to embeddings (n, 512): turn @ ((what it sees) - shift)."""
    *convolutions, last = weights()
    held = [numpy_helper.from_array(each, f"w{i}") for i, each in enumerate(convolutions)]
    held.append(numpy_helper.from_array(turn @ last, "last"))
    held.append(numpy_helper.from_array(-turn @ shift, "shift"))
    nodes, name = [], "picture"
    for i, (_, side, stride) in enumerate(LAYERS):
        pads = [side // 2] * 4
        nodes.append(helper.make_node("Conv", [name, f"w{i}"], [f"x{i}"], strides=[stride] * 2, pads=pads))
        nodes.append(helper.make_node("Relu", [f"x{i}"], [f"y{i}"]))
        name = f"y{i}"
    nodes.append(helper.make_node("Flatten", [name], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "last", "shift"], ["embedding"], transB=1))
    graph = helper.make_graph(
        nodes,
        "drawn faces",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, CROP, CROP])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", EMBEDDING])],
        held,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def seen(model: onnx.ModelProto, crops: ndarray) -> ndarray:
    """What a network makes of upright crops (n, 112, 112, 3), 8 bit: (n, 512)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pictures = (crops.astype(numpy.float32).transpose(0, 3, 1, 2) - 127.5) / 127.5
    return session.run(None, {"picture": pictures})[0]


def whitening(crops: ndarray) -> tuple[ndarray, ndarray]:
    """`shift` and `turn` after which the embedding's numbers have mean 0 and deviation 1 over these crops, independently:
    the network has learned nothing else."""
    found = seen(network(numpy.zeros(EMBEDDING, numpy.float32), numpy.eye(EMBEDDING, dtype=numpy.float32)), crops)
    shift = found.mean(axis=0)
    values, directions = numpy.linalg.eigh(numpy.cov((found - shift).T / found.std()))
    turn = directions.T / numpy.sqrt(values + FLOOR**2)[:, None] / found.std()
    return shift, turn.astype(numpy.float32)


def upright(drawn: Sequence[Drawn]) -> ndarray:
    """The crops (n, 112, 112, 3), 8 bit, that a recogniser is shown of drawn faces."""
    import cv2
    from pack.face.align import alignment

    cut = []
    for each in drawn:
        assert each.pose
        cut.append(cv2.warpAffine(each.pixels, alignment(keypoints(each.pose)), (CROP, CROP)))
    return numpy.stack(cut)


def make(_folder: Path) -> dict[str, Tensor]:
    """Whiten on faces that nothing else is drawn with."""
    people = identities(FACE_SEED, CALIBRATED_ON)
    shift, turn = whitening(upright(draw_faces(FACE_SEED, CALIBRATED_ON, people)))
    return {"shift": torch.from_numpy(shift), "turn": torch.from_numpy(turn)}


def network_of_the_world(folder: Path = files.WEIGHTS) -> onnx.ModelProto:
    """The network, whitened."""
    kept = files.tensors(files.RECOGNISER, folder)
    return network(kept["shift"].numpy(), kept["turn"].numpy())
