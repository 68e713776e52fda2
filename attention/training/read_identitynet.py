"""A trained IdentityNet's file -> the host's ControlNet, for a base model of any width."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import comfy.model_management as management
import comfy.ops
import comfy.utils
import torch
from comfy.controlnet import ControlNet

from .fresh_identitynet import network_for
from .publish import identitynet_names


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
