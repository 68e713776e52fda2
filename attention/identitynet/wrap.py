"""A loaded ControlNet -> an IdentityNet of the same weights, once it is seen to have that layout."""

from __future__ import annotations

from typing import cast
from weakref import WeakSet

from comfy.cldm.cldm import ControlNet as Network
from comfy.controlnet import ControlBase, ControlNet
from comfy.ldm.flux.controlnet import ControlNetFlux
from comfy.ldm.modules.attention import BasicTransformerBlock, CrossAttention
from torch import nn

from ..files.finite import first_not_finite
from ..models.families import FAMILIES, UNETS
from .infusenet import PATCH, InfuseNet
from .net import FaceContext, IdentityNet

_ADVICE = "Connect InstantID's ControlNet ('diffusion_pytorch_model.safetensors' of its folder ControlNetModel)."
_ADVICE_FLUX = (
    "Connect InfiniteYou's InfuseNet ('infusenet_aes_bf16.safetensors' or another of its 'infusenet_' files, from "
    "models/controlnet by the host's Load ControlNet Model)."
)
_BLOCKS = (4, 10)
"""How many double and single blocks the published InfuseNets have."""
_sound: WeakSet[nn.Module] = WeakSet()
"""Networks whose weights have been looked through: 2.5 GB take a second, and they do not change."""


def identitynet_from(control_net: ControlBase, face: FaceContext, family: str = "sdxl") -> IdentityNet:
    """An IdentityNet that shares the weights and the patcher of a loaded ControlNet, which stays as it is.

    Raises ValueError, saying what was found, unless the net is laid out as an IdentityNet for `family`, reads a context as
    wide as the face tokens, and all its weights are finite. By layout alone a depth or pose net cannot be told from one.
    """
    is_for_flux = FAMILIES[family].kind == "flux"
    network, advice = (
        (_for_flux(control_net), _ADVICE_FLUX) if is_for_flux else (_for_unet(control_net, family), _ADVICE)
    )
    widths = _context_widths(network)
    if widths != {face.width}:
        raise ValueError(
            f"the connected control_net reads a context of width {min(widths)}, but the face tokens are "
            f"{face.width} wide: adapter and ControlNet are not from the same release. {advice}"
        )
    _check_sound(network)
    if not type(control_net).__module__.startswith("comfy.") and not isinstance(control_net, IdentityNet):
        face.tell(
            f"The connected control_net is a {type(control_net).__name__} of another pack: its weights are used, and what "
            "is set on it there (keyframes, weights of layers, masks) is not. Set strength, range and mask here."
        )
    return (InfuseNet if is_for_flux else IdentityNet)(cast(ControlNet, control_net), face)


def _for_unet(control_net: ControlBase, family: str) -> Network:
    network = getattr(control_net, "control_model", None)
    if not isinstance(control_net, ControlNet) or not isinstance(network, Network):
        raise ValueError(
            f"the connected control_net is a {_found(control_net)}, which is not an IdentityNet for "
            f"{FAMILIES[family].label}. {_ADVICE}"
        )
    if getattr(network, "control_add_embedding", None) is not None:
        raise ValueError(
            f"the connected control_net is a union ControlNet of several kinds, not an IdentityNet. {_ADVICE}"
        )
    count = len(_cross_attentions(network))
    if count != _encoder_layers(family):
        raise ValueError(
            f"the connected control_net has {_name(count)}; an IdentityNet for {FAMILIES[family].label} has "
            f"{_encoder_layers(family)}. {_ADVICE}"
        )
    return network


def _for_flux(control_net: ControlBase) -> ControlNetFlux:
    network = getattr(control_net, "control_model", None)
    if not isinstance(control_net, ControlNet) or not isinstance(network, ControlNetFlux):
        raise ValueError(
            f"the connected control_net is a {_found(control_net)}, which is not an IdentityNet for FLUX.1. {_ADVICE_FLUX}"
        )
    if _blocks(network) != _BLOCKS:
        raise ValueError(
            f"the connected control_net for FLUX has {_in_words(_blocks(network))} blocks; InfiniteYou's InfuseNet has "
            f"{_in_words(_BLOCKS)}. {_ADVICE_FLUX}"
        )
    channels = network.in_channels // PATCH**2
    if (
        network.num_union_modes
        or not network.latent_input
        or network.pos_embed_input.in_features != network.in_channels
    ):
        raise ValueError(
            "the connected control_net for FLUX is of several kinds, or sees something other than one latent of "
            f"{channels} channels: it is not InfiniteYou's InfuseNet. {_ADVICE_FLUX}"
        )
    return network


def _found(control_net: ControlBase) -> str:
    """What a net is, in words."""
    network = getattr(control_net, "control_model", None)
    name = type(network if isinstance(network, nn.Module) else control_net).__name__
    if isinstance(network, ControlNetFlux) and _blocks(network) == _BLOCKS:
        return f"{name} (with as many blocks as InfiniteYou's InfuseNet, which is for InfiniteYou's adapter and FLUX.1)"
    if isinstance(network, Network):
        return f"{name} with {_name(len(_cross_attentions(network)))}"
    return name


def _blocks(network: ControlNetFlux) -> tuple[int, int]:
    return len(network.double_blocks), len(network.single_blocks)


def _in_words(blocks: tuple[int, int]) -> str:
    return f"{blocks[0]} double and {blocks[1]} single"


def _check_sound(network: nn.Module) -> None:
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


def _context_widths(network: Network | ControlNetFlux) -> set[int]:
    # Not from the weights: quantised ones have other shapes.
    if isinstance(network, ControlNetFlux):
        return {network.txt_in.in_features}
    return {attention.to_k.in_features for attention in _cross_attentions(network)}


def _cross_attentions(network: nn.Module) -> list[CrossAttention]:
    blocks = (module for module in network.modules() if isinstance(module, BasicTransformerBlock))
    return [block.attn2 for block in blocks if isinstance(block.attn2, CrossAttention)]


def _encoder_layers(family: str) -> int:
    return sum(stage.depth for stage in FAMILIES[family].stages if stage.side != "output")


def _name(count: int) -> str:
    label = next((family.label for family in UNETS if _encoder_layers(family.name) == count), None)
    return f"{count} cross-attentions" + ("" if label is None else f" (an {label} net)")
