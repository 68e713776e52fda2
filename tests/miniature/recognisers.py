"""Face recognisers with random weights and the published ones' number of convolutions."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CONVOLUTIONS = {"antelopev2": 103, "buffalo_l": 53}  # ResNet100 and ResNet50
CHANNELS = 4
CROP, EMBEDDING = 112, 512
SHRINKS = 16  # times, by the first convolution


def write(pack: str, seed: int, path: Path) -> None:
    """A network from pictures (N, 3, 112, 112) to embeddings (N, 512): a chain of small convolutions."""
    dice = np.random.default_rng(seed)
    weights, nodes, last = [], [], "picture"

    def tensor(name: str, *shape: int) -> str:
        values = dice.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    for i in range(CONVOLUTIONS[pack]):
        shape = (CHANNELS, CHANNELS, 1, 1) if i else (CHANNELS, 3, SHRINKS, SHRINKS)
        strides = [1, 1] if i else [SHRINKS, SHRINKS]
        nodes.append(helper.make_node("Conv", [last, tensor(f"w{i}", *shape)], [f"x{i}"], strides=strides))
        last = f"x{i}"
    nodes.append(helper.make_node("Flatten", [last], ["flat"]))
    cells = CHANNELS * (CROP // SHRINKS) ** 2
    nodes.append(helper.make_node("Gemm", ["flat", tensor("out", EMBEDDING, cells)], ["embedding"], transB=1))
    graph = helper.make_graph(
        nodes,
        pack,
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, CROP, CROP])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", EMBEDDING])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
