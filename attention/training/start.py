"""A published or trained adapter, and an IdentityNet -> the weights that a training begins from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from comfy.cldm.cldm import ControlNet as Network
from torch import Tensor, nn

from ..adapter.adapter import Adapter
from ..cache import digest
from .trainee import Trainee


@dataclass(frozen=True, eq=False)
class Start:
    """What a training begins from in place of new weights: an adapter, the host's ControlNet with an IdentityNet, or both."""

    adapter: Adapter | None = None
    control_net: Any | None = None

    @property
    def name(self) -> str:
        """The adapter's file, or that there was an IdentityNet alone; empty for none."""
        if self.adapter is not None:
            return self.adapter.name
        return "" if self.control_net is None else "an IdentityNet"

    def put_into(self, trainee: Trainee) -> str:
        """Give a new trainee these weights; a hash of them, empty for none.

        Raises ValueError for an adapter of another variant or family and for weights of another layout.
        """
        found: list[Tensor] = []
        if self.adapter is not None:
            _check_kind(self.adapter, trainee)
            found += _copied(self.adapter.module, trainee.adapter, f"'{self.adapter.name}'")
        if self.control_net is not None:
            found += _copied(_network_of(self.control_net), _trained_net(trainee), "the connected ControlNet")
        return digest(*found) if found else ""


def _check_kind(adapter: Adapter, trainee: Trainee) -> None:
    wanted, found = trainee.identity, adapter.identity
    if (found.variant.name, found.family.name) != (wanted.variant.name, wanted.family.name):
        raise ValueError(
            f"'{adapter.name}' is {adapter.label} ({found.variant.name}); what is trained here is "
            f"{wanted.variant.label} for {wanted.family.label} ({wanted.variant.name}). Start from an adapter of that kind."
        )


def _network_of(control_net: Any) -> Network:
    network = getattr(control_net, "control_model", None)
    if not isinstance(network, Network):
        raise ValueError(
            f"the connected ControlNet is a {type(control_net).__name__} of another kind than IdentityNet. Connect the "
            "IdentityNet from the host's Load ControlNet Model."
        )
    return network


def _trained_net(trainee: Trainee) -> Network:
    if trainee.identitynet is None:
        raise ValueError(f"{trainee.identity.variant.label} has no IdentityNet to begin from a file.")
    return trainee.identitynet


def _copied(source: nn.Module, target: nn.Module, name: str) -> list[Tensor]:
    """Copy every weight; the weights, in the order of their names."""
    given: Mapping[str, Tensor] = source.state_dict()
    own: Mapping[str, Tensor] = target.state_dict()
    shapes = {key: tuple(tensor.shape) for key, tensor in given.items()}
    wanted = {key: tuple(tensor.shape) for key, tensor in own.items()}
    odd = sorted(key for key in shapes.keys() | wanted.keys() if shapes.get(key) != wanted.get(key))
    if odd:
        key = odd[0]
        raise ValueError(
            f"{name} does not fit this training: {len(odd)} of its weights differ, such as '{key}', which is "
            f"{shapes.get(key, 'absent')} there and {wanted.get(key, 'absent')} here. The model and the encoder must be "
            "those that it was made for."
        )
    with torch.no_grad():
        for key, tensor in own.items():
            tensor.copy_(given[key])
    return [given[key] for key in sorted(given)]
