"""A loaded ControlNet -> an IdentityNet of the same weights, once it is seen to have that layout."""

from __future__ import annotations

from weakref import WeakSet

from comfy.cldm.cldm import ControlNet as Network
from comfy.controlnet import ControlBase, ControlNet
from comfy.ldm.modules.attention import BasicTransformerBlock, CrossAttention
from torch import nn

from ..files.finite import first_not_finite
from ..models.families import FAMILIES, UNETS
from .net import FaceContext, IdentityNet

_ADVICE = "Connect InstantID's ControlNet ('diffusion_pytorch_model.safetensors' of its folder ControlNetModel)."
_INFUSENET = {"double_blocks": 4, "single_blocks": 10}
"""How many blocks it has of each kind."""
_sound: WeakSet[Network] = WeakSet()
"""Networks whose weights have been looked through: 2.5 GB take a second, and they do not change."""


def identitynet_from(control_net: ControlBase, face: FaceContext, family: str = "sdxl") -> IdentityNet:
    """An IdentityNet that shares the weights and the patcher of a loaded ControlNet, which stays as it is.

    Raises ValueError, saying what was found, unless the net has the cross-attentions of the encoder half of
    `family`, each reads a context as wide as the face tokens, and all weights are finite. By layout alone a depth or
    pose net for SDXL cannot be told from an IdentityNet.
    """
    network = getattr(control_net, "control_model", None)
    if not isinstance(control_net, ControlNet) or not isinstance(network, Network):
        found = type(network if isinstance(network, nn.Module) else control_net).__name__
        is_infusenet = [len(getattr(network, name, ())) for name in _INFUSENET] == list(_INFUSENET.values())
        known = " (with as many blocks as InfiniteYou's InfuseNet, which is not supported)" if is_infusenet else ""
        raise ValueError(f"the connected control_net is a {found}{known}, which is not an IdentityNet. {_ADVICE}")
    if getattr(network, "control_add_embedding", None) is not None:
        raise ValueError(
            f"the connected control_net is a union ControlNet of several kinds, not an IdentityNet. {_ADVICE}"
        )
    widths = _context_widths(network)
    if len(widths) != _encoder_layers(family):
        raise ValueError(
            f"the connected control_net has {_name(len(widths))}; an IdentityNet for {FAMILIES[family].label} has "
            f"{_encoder_layers(family)}. {_ADVICE}"
        )
    if set(widths) != {face.width}:
        raise ValueError(
            f"the connected control_net reads a context of width {sorted(set(widths))[0]}, but the face tokens are "
            f"{face.width} wide: adapter and ControlNet are not from the same release. {_ADVICE}"
        )
    _check_sound(network)
    if not type(control_net).__module__.startswith("comfy.") and not isinstance(control_net, IdentityNet):
        face.tell(
            f"The connected control_net is a {type(control_net).__name__} of another pack: its weights are used, and what "
            "is set on it there (keyframes, weights of layers, masks) is not. Set strength, range and mask here."
        )
    return IdentityNet(control_net, face)


def _check_sound(network: Network) -> None:
    if network in _sound:
        return
    # What is on the meta device has no values yet.
    broken = first_not_finite((name, weight) for name, weight in network.named_parameters() if not weight.is_meta)
    if broken is not None:
        raise ValueError(
            f"the connected control_net is damaged: its weight '{broken}' contains NaN or infinity, "
            "and the pictures would be black. Download its file again from its publisher."
        )
    _sound.add(network)


def _context_widths(network: nn.Module) -> list[int]:
    blocks = [module for module in network.modules() if isinstance(module, BasicTransformerBlock)]
    # Not from the weights: quantised ones have other shapes.
    return [block.attn2.to_k.in_features for block in blocks if isinstance(block.attn2, CrossAttention)]


def _encoder_layers(family: str) -> int:
    return sum(stage.depth for stage in FAMILIES[family].stages if stage.side != "output")


def _name(count: int) -> str:
    label = next((family.label for family in UNETS if _encoder_layers(family.name) == count), None)
    return f"{count} cross-attentions" + ("" if label is None else f" (an {label} net)")
