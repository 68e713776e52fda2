"""Fits the portraits' face recogniser: a small convolutional network that learns who is who, in any pose and style.

Its embedding tells 600 people apart by the angle between them, with the margin of ArcFace (Deng et al., 2019), and the
attributes that have a name by a linear map. Strangers are embedded by what it learned of them.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy
import onnx
import torch
import torch.nn.functional as F
from numpy import ndarray
from onnx import TensorProto, helper, numpy_helper
from pack.face.align import alignment
from torch import Tensor, nn
from torch.nn import Conv2d, Linear

from ..world.base import cached
from ..world.fitting import Plan, device, fit
from . import drawn
from .identity import NAMED
from .people import TRAINED, trained_on

SEED = 420
CROP, EMBEDDING = 112, 512
LAYERS = ((32, 5, 2), (64, 3, 2), (96, 3, 2), (64, 3, 2), (8, 1, 1))  # channels, side, stride
CELLS = LAYERS[-1][0] * (CROP // 16) ** 2
BATCH = 64
PLAN = Plan(steps=4000, rate=1.5e-3, warmup=100)
SCALE, MARGIN = 20.0, 0.15
SHAKE = 0.03  # deviation of the noise that pictures get, 0..1


class Recogniser(nn.Module):
    """Upright crops (n, 3, 112, 112), -1..1 -> embeddings (n, 512)."""

    def __init__(self) -> None:
        super().__init__()
        before, steps = 3, list[nn.Module]()
        for channels, side, stride in LAYERS:
            steps += [Conv2d(before, channels, side, stride, side // 2), nn.ReLU()]
            before = channels
        self.body = nn.Sequential(*steps, nn.Flatten())
        self.last = Linear(CELLS, EMBEDDING)

    def forward(self, crops: Tensor) -> Tensor:
        return self.last(self.body(crops))


class Lesson(nn.Module):
    """The recogniser with what it is taught by: a direction for each person, and a linear map to each attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.recogniser = Recogniser()
        self.people = nn.Parameter(torch.randn(TRAINED, EMBEDDING))
        self.attributes = nn.ModuleDict({name: Linear(EMBEDDING, len(values)) for name, values in NAMED.items()})

    def loss(self, crops: Tensor, who: Tensor, named: dict[str, Tensor]) -> Tensor:
        seen = self.recogniser(crops)
        cosine = F.normalize(seen) @ F.normalize(self.people).T
        margin = MARGIN * F.one_hot(who, TRAINED)
        total = F.cross_entropy(SCALE * (cosine - margin), who)
        found = {name: head(F.normalize(seen) * EMBEDDING**0.5) for name, head in self.attributes.items()}
        return total + sum(F.cross_entropy(row, named[name][who]) for name, row in found.items()) / len(found)


def upright(pictures: ndarray, points: ndarray) -> ndarray:
    """The crops (n, 112, 112, 3), 8 bit, that a recogniser is shown of pictures with these keypoints (n, 5, 2)."""
    each = zip(pictures, points, strict=True)
    return numpy.stack([cv2.warpAffine(picture, alignment(five), (CROP, CROP)) for picture, five in each])


def crops(folder: Path) -> Tensor:
    """The crops of all pictures, cut once."""

    def cut() -> dict[str, Tensor]:
        return {"crops": torch.from_numpy(upright(drawn.pixels(folder).numpy(), drawn.points()))}

    return cached(folder / "crops.safetensors", cut)["crops"]


def make(folder: Path) -> dict[str, Tensor]:
    """Fit it, resuming from `folder`; its embeddings have the deviation 1."""
    torch.manual_seed(SEED)
    seen, lesson = crops(folder), Lesson()
    people = trained_on()
    named = {
        name: torch.tensor([values.index(getattr(who, name)) for who in people], device=device())
        for name, values in NAMED.items()
    }

    def step_loss(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(SEED + step)
        which = torch.randint(len(seen), (BATCH,), generator=generator)
        batch = _as_input(seen[which])
        batch = batch + 2 * SHAKE * torch.randn(batch.shape, generator=generator)
        return lesson.loss(batch.to(device()), (which % TRAINED).to(device()), named)

    kept = fit(lesson, step_loss, PLAN, folder / "recogniser.state", folder / "recogniser.log")
    prefix = "recogniser."
    weights = {name.removeprefix(prefix): tensor for name, tensor in kept.items() if name.startswith(prefix)}
    network = Recogniser()
    network.load_state_dict(weights)
    with torch.inference_mode():
        embedded = torch.cat([network(_as_input(part)) for part in seen[::10].split(BATCH)])
    size = embedded.std()
    return {name: tensor / size if name.startswith("last.") else tensor for name, tensor in weights.items()}


def network(weights: dict[str, Tensor]) -> onnx.ModelProto:
    """The network as a face package reads it, from pictures (n, 3, 112, 112), -1..1, to embeddings (n, 512)."""
    held = [numpy_helper.from_array(tensor.float().numpy(), name) for name, tensor in weights.items()]
    nodes, name = [], "picture"
    for i, (_, side, stride) in enumerate(LAYERS):
        inputs = [name, f"body.{2 * i}.weight", f"body.{2 * i}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [f"x{i}"], strides=[stride] * 2, pads=[side // 2] * 4))
        nodes.append(helper.make_node("Relu", [f"x{i}"], [f"y{i}"]))
        name = f"y{i}"
    nodes.append(helper.make_node("Flatten", [name], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "last.weight", "last.bias"], ["embedding"], transB=1))
    graph = helper.make_graph(
        nodes,
        "drawn people",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, CROP, CROP])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", EMBEDDING])],
        held,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _as_input(pictures: Tensor) -> Tensor:
    return (pictures.movedim(-1, 1).float() - 127.5) / 127.5
