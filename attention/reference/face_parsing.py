"""BiSeNet: a face of 512 pixels -> what each of its pixels belongs to (arXiv 1808.00897, 19 classes of CelebAMask-HQ).

The weights keep the names of the published file, zllrunning's `79999_iter.pth`, which facexlib has as
`parsing_bisenet.pth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 19
KNOWN_BY = ("cp.resnet.conv1.weight", "ffm.convblk.conv.weight", "conv_out.conv_out.weight")
"""Keys that no other file has together."""


class _ConvNormReLU(nn.Module):
    def __init__(self, reads: int, gives: int, operations: Any, size: int = 3) -> None:
        super().__init__()
        self.conv = operations.Conv2d(reads, gives, size, padding=size // 2, bias=False)
        self.bn = nn.BatchNorm2d(gives)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Refinement(nn.Module):
    """Features times what their mean says of each channel."""

    def __init__(self, reads: int, gives: int, operations: Any) -> None:
        super().__init__()
        self.conv = _ConvNormReLU(reads, gives, operations)
        self.conv_atten = operations.Conv2d(gives, gives, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(gives)

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x)
        return features * torch.sigmoid(self.bn_atten(self.conv_atten(_mean(features))))


class _ContextPath(nn.Module):
    """ResNet18's features at an eighth of the size, and at that size what the coarser ones say."""

    def __init__(self, operations: Any) -> None:
        super().__init__()
        from torchvision.models import resnet18

        self.resnet = resnet18(weights=None)
        del self.resnet.fc, self.resnet.avgpool
        self.arm16, self.arm32 = _Refinement(256, 128, operations), _Refinement(512, 128, operations)
        self.conv_head32, self.conv_head16 = _ConvNormReLU(128, 128, operations), _ConvNormReLU(128, 128, operations)
        self.conv_avg = _ConvNormReLU(512, 128, operations, size=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        net = self.resnet
        x = net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x)))))
        eighth = net.layer2(x)
        sixteenth = net.layer3(eighth)
        last = net.layer4(sixteenth)
        # The mean is one pixel, which spreads over the whole.
        coarse = self.conv_head32(_like(self.arm32(last) + self.conv_avg(_mean(last)), sixteenth))
        return eighth, self.conv_head16(_like(self.arm16(sixteenth) + coarse, eighth))


class _Fusion(nn.Module):
    def __init__(self, operations: Any) -> None:
        super().__init__()
        self.convblk = _ConvNormReLU(256, 256, operations, size=1)
        self.conv1, self.conv2 = operations.Conv2d(256, 64, 1, bias=False), operations.Conv2d(64, 256, 1, bias=False)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        features = self.convblk(torch.cat([fine, coarse], dim=1))
        return features + features * torch.sigmoid(self.conv2(F.relu(self.conv1(_mean(features)))))


class _Output(nn.Module):
    def __init__(self, operations: Any) -> None:
        super().__init__()
        self.conv = _ConvNormReLU(256, 256, operations)
        self.conv_out = operations.Conv2d(256, CLASSES, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))


class FaceParsingNet(nn.Module):
    """Normalised pixels (n, 3, H, W) -> logits (n, CLASSES, H, W). Training's two further outputs are left out."""

    def __init__(self, operations: Any = nn) -> None:
        super().__init__()
        self.cp = _ContextPath(operations)
        self.ffm = _Fusion(operations)
        self.conv_out = _Output(operations)

    def forward(self, pixels: Tensor) -> Tensor:
        logits = self.conv_out(self.ffm(*self.cp(pixels)))
        return F.interpolate(logits, pixels.shape[-2:], mode="bilinear", align_corners=True)


def net_of(weights: Mapping[str, Tensor], operations: Any = nn) -> FaceParsingNet:
    """The network with a published file's weights. Raises RuntimeError that lists what is missing or misshaped."""
    net = FaceParsingNet(operations)
    net.load_state_dict({key: weight for key, weight in weights.items() if not key.startswith(_ONLY_TRAINED)})
    return net.eval().requires_grad_(False)


_ONLY_TRAINED = ("conv_out16.", "conv_out32.", "cp.resnet.fc.")


def _mean(x: Tensor) -> Tensor:
    return x.mean((2, 3), keepdim=True)


def _like(x: Tensor, other: Tensor) -> Tensor:
    return F.interpolate(x, other.shape[-2:], mode="nearest")
