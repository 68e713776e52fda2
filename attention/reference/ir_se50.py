"""IR-SE50: an upright face of 112 pixels -> its embedding (ArcFace, 1801.07698, on residual units with squeeze-excitation).

The weights keep the names of the published file, `recognition_arcface_ir_se50.pth` of facexlib (TreB1eN's `model_ir_se50.pth`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

STAGES = ((64, 3), (128, 4), (256, 14), (512, 3))
"""Channels and units of each resolution; the first unit of a stage halves it."""
WIDTH, CELLS = 512, 7 * 7
"""Of the embedding, and what is left of 112 pixels after four halvings."""
SQUEEZED = 16
KNOWN_BY: Mapping[str, tuple[int, ...]] = {
    "input_layer.0.weight": (64, 3, 3, 3),
    "body.23.res_layer.5.fc1.weight": (512 // SQUEEZED, 512, 1, 1),
    "output_layer.3.weight": (WIDTH, 512 * CELLS),
}
"""Names of weights that no other file has together, and their shapes."""


class _SqueezeExcitation(nn.Module):
    """Features times what their mean says of each channel."""

    def __init__(self, width: int, operations: Any) -> None:
        super().__init__()
        self.fc1 = operations.Conv2d(width, width // SQUEEZED, 1, bias=False)
        self.fc2 = operations.Conv2d(width // SQUEEZED, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(mean))))


class _Unit(nn.Module):
    """Two convolutions with their norms, weighed by channel, beside what came in."""

    def __init__(self, reads: int, gives: int, stride: int, operations: Any) -> None:
        super().__init__()
        self.shortcut_layer = (
            nn.MaxPool2d(1, stride)  # of one pixel: it only leaves pixels out
            if reads == gives
            else nn.Sequential(operations.Conv2d(reads, gives, 1, stride, bias=False), nn.BatchNorm2d(gives))
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(reads),
            operations.Conv2d(reads, gives, 3, 1, 1, bias=False),
            nn.PReLU(gives),
            operations.Conv2d(gives, gives, 3, stride, 1, bias=False),
            nn.BatchNorm2d(gives),
            _SqueezeExcitation(gives, operations),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


class IRSE50(nn.Module):
    """BGR pixels (n, 3, 112, 112), -1..1 -> embeddings (n, 512), not yet of length 1."""

    def __init__(self, operations: Any = nn) -> None:
        super().__init__()
        first = STAGES[0][0]
        self.input_layer = nn.Sequential(
            operations.Conv2d(3, first, 3, 1, 1, bias=False), nn.BatchNorm2d(first), nn.PReLU(first)
        )
        units: list[_Unit] = []
        reads = first
        for gives, count in STAGES:
            units += [_Unit(reads if i == 0 else gives, gives, 2 if i == 0 else 1, operations) for i in range(count)]
            reads = gives
        self.body = nn.Sequential(*units)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(reads),
            nn.Identity(),  # dropout in training
            nn.Flatten(),
            operations.Linear(reads * CELLS, WIDTH),
            nn.BatchNorm1d(WIDTH),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        return self.output_layer(self.body(self.input_layer(pixels)))


def is_one(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether weights of these shapes are such a network's."""
    return all(shapes.get(name) == shape for name, shape in KNOWN_BY.items())


def net_of(weights: Mapping[str, Tensor], operations: Any = nn) -> IRSE50:
    """The network with a published file's weights. Raises RuntimeError that lists what is missing or misshaped."""
    net = IRSE50(operations)
    net.load_state_dict(
        {key: weight.float() if weight.is_floating_point() else weight for key, weight in weights.items()}
    )
    return net.eval().requires_grad_(False)
