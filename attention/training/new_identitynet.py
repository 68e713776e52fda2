"""A base model -> a new IdentityNet for it, a copy of its encoder half joined to it by convolutions of zeros; or a trained one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import comfy.model_management as management
import comfy.ops
import comfy.utils
import torch
from comfy.cldm.cldm import ControlNet as Network
from comfy.controlnet import ControlNet
from torch import nn

from .export import identitynet_names

HINT_CHANNELS = 3


def network_for(
    unet_config: dict[str, Any], operations: Any = comfy.ops.disable_weight_init, dtype: torch.dtype = torch.float32
) -> Network:
    """A ControlNet with the encoder layout of a UNet; the host's class leaves its weights unset."""
    config = {name: value for name, value in unet_config.items() if name not in ("out_channels", "dtype", "device")}
    return Network(**config, hint_channels=HINT_CHANNELS, operations=operations, dtype=dtype)


def new_identitynet(unet_config: dict[str, Any], unet: nn.Module, seed: int) -> Network:
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


def read_identitynet(path: Path, unet_config: Mapping[str, Any]) -> ControlNet:
    """The ControlNet in a file that the trainer wrote, as the host's Load ControlNet Model gives it.

    The host's own loader knows diffusers' names at the published widths only; here the base model tells the layout.
    Raises ValueError when the file is not one for this layout.
    """
    device = management.get_torch_device()
    dtype = management.unet_dtype(weight_dtype=torch.float16, supported_dtypes=[management.unet_dtype()])
    cast = management.unet_manual_cast(dtype, device)
    net = network_for(dict(unet_config), comfy.ops.pick_operations(dtype, cast), dtype)
    names = identitynet_names(net.state_dict().keys(), unet_config)
    tensors: Any = comfy.utils.load_torch_file(str(path), safe_load=True)
    if set(names.values()) != set(tensors):
        odd: list[str] = sorted(set(names.values()) ^ set(tensors))
        raise ValueError(
            f"'{path.name}' is not an IdentityNet for this model: {len(odd)} weights differ, such as '{odd[0]}'."
        )
    wrapped = ControlNet(net, load_device=device, manual_cast_dtype=cast)
    own = {host: tensors[name].to(dtype) for host, name in names.items()}
    # The host's newer memory management takes weights over instead of copying into them.
    net.load_state_dict(own, assign=wrapped.control_model_wrapped.is_dynamic())
    net.requires_grad_(False).eval()
    return wrapped
