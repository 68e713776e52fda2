"""An ONNX file -> detector, recogniser (and whose) or something else, by its contents and never by its name."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import MissingModel
from .needs import need
from .recognisers import build_of, recogniser_of

DETECTOR, RECOGNISER, OTHER = "detector", "recogniser", "other"

OTHERS = {192: "landmarks", 96: "gender and age", 128: "face swapper"}
"""Side of the input -> what InsightFace's packs hold besides, for messages."""

EMBEDDING_LENGTH = 512
LONGEST = 1 << 30
"""Bytes; the largest published recogniser has a quarter of that."""
CROP = 112


@dataclass(frozen=True)
class Graph:
    """What one ONNX file is."""

    path: Path
    task: str
    """DETECTOR, RECOGNISER or OTHER"""
    detail: str
    """the recogniser's id, or what an OTHER seems to be"""


def read_graph(path: Path) -> Graph:
    """Read the signature of one file; a file that is no ONNX raises MissingModel and is named."""
    onnx = need("onnx")
    _check_file(path)
    try:
        model = onnx.load(str(path), load_external_data=False)
        onnx_graph = model.graph
        inputs = [_shape(value) for value in onnx_graph.input if value.name not in _weights(onnx_graph)]
        outputs = [_shape(value) for value in onnx_graph.output]
    except (OSError, ValueError, need("google.protobuf.message").DecodeError) as error:
        raise MissingModel(f"{path.name} is not a readable ONNX file ({str(error)[:200]}).") from error
    if not inputs or not outputs:
        raise MissingModel(f"{path.name} is not a readable ONNX file (no graph inside).")
    task, detail = _kind(inputs, outputs)
    return Graph(path, task, recogniser_of(path, build_of(onnx_graph.node)) if task == RECOGNISER else detail)


def _check_file(path: Path) -> None:
    """Raise MissingModel for what is no file, and for one too long to be read into memory to find out."""
    try:
        state = path.stat()
    except OSError as error:
        raise MissingModel(f"{path.name} is not a readable ONNX file ({error.strerror}).") from error
    if not stat.S_ISREG(state.st_mode) or state.st_size > LONGEST:
        raise MissingModel(f"{path.name} is not a readable ONNX file (it is no file of less than {LONGEST:,} bytes).")


def _kind(inputs: list[list[int]], outputs: list[list[int]]) -> tuple[str, str]:
    if len(inputs) == 1 and len(outputs) in (9, 15):
        return DETECTOR, "SCRFD with five keypoints"
    if len(inputs) == 1 and len(outputs) in (6, 10):
        return OTHER, "detector without keypoints"
    side = inputs[0][-1] if len(inputs[0]) == 4 else 0
    if len(inputs) == 1 and side == CROP and [output[-1] for output in outputs] == [EMBEDDING_LENGTH]:
        return RECOGNISER, ""
    return OTHER, OTHERS.get(side, "not a face detector or recogniser")


def _shape(value: Any) -> list[int]:
    """Sizes of a tensor, 0 where the graph leaves one open; [0] for a scalar."""
    return [int(dim.dim_value) for dim in value.type.tensor_type.shape.dim] or [0]


def _weights(graph: Any) -> set[str]:
    """Old exporters list the weights among the inputs."""
    return {weight.name for weight in graph.initializer}
