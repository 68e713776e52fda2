"""A base model -> a new IdentityNet for it: a copy of its encoder half, joined to it by convolutions of zeros."""

from __future__ import annotations

from typing import Any

import comfy.ops
import torch
from comfy.cldm.cldm import ControlNet as Network
from torch import nn

HINT_CHANNELS = 3


def network_for(
    unet_config: dict[str, Any], operations: Any = comfy.ops.disable_weight_init, dtype: torch.dtype = torch.float32
) -> Network:
    """A ControlNet with the encoder layout of a UNet; the host's class leaves its weights unset."""
    config = {name: value for name, value in unet_config.items() if name not in ("out_channels", "dtype", "device")}
    return Network(**config, hint_channels=HINT_CHANNELS, operations=operations, dtype=dtype)


def fresh_identitynet(unet_config: dict[str, Any], unet: nn.Module, seed: int) -> Network:
    """A new IdentityNet whose encoder has the weights of `unet` and whose outputs are all zero.

    As ControlNet (2302.05543) begins: the first step of training sees the base model alone.
    """
    net = network_for(unet_config)
    given = unet.state_dict()
    own = net.state_dict()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for name, tensor in own.items():
            if name in given:
                tensor.copy_(given[name].float())
            elif not name.startswith("input_hint_block."):
                tensor.zero_()
        _begin_hint_block(net.input_hint_block)
    return net.requires_grad_(True)


def _begin_hint_block(block: nn.Module) -> None:
    """Weights that hand a drawing on as strongly as it comes, and zeros in the last convolution.

    SiLU halves what is near zero, which these make up for (as He 2015 does for ReLU). With PyTorch's own first weights
    a few dots on black are thousands of times fainter after seven layers, and nothing is learned until they are heard.
    """
    convolutions = [module for module in block.modules() if isinstance(module, nn.Conv2d)]
    for convolution in convolutions:
        nn.init.normal_(convolution.weight, std=2 * convolution.weight[0].numel() ** -0.5)
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)
    nn.init.zeros_(convolutions[-1].weight)
