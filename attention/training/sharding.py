"""An IdentityNet -> one whose weights lie in shards, one in each of several processes; and what is whole again of it.

Torch's own sharding (FSDP2): a block's weights come together where it runs, and its gradients go to those whose shard it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, cast

import torch
import torch.distributed as dist
from comfy.cldm.cldm import ControlNet as Network
from torch import Tensor, nn

from .processes import Processes
from .settings import Settings
from .trainee import Trainee

ASKED_TO_SHARD = Event()
"""Set by what has started this process, to have the IdentityNet's weights shared out."""


def check_can_be_sharded(trainee: Trainee, settings: Settings, count: int) -> None:
    """Raise ValueError for what cannot be trained in shards."""
    if trainee.identitynet is None:
        raise ValueError("'shard' shares out an IdentityNet, and this variant has none. Leave it out.")
    if count == 1:
        raise ValueError("'shard' shares out an IdentityNet among several processes, and this is one. Leave it out.")
    if settings.scales_gradients:
        raise ValueError("'shard' does not go with fp16, whose gradients are scaled. Train in bf16 or fp32.")


@dataclass(frozen=True)
class Sharing:
    """Who of several processes does what where weights are clipped, written and shown."""

    processes: Processes
    sharded: bool

    def share_out(self, trainees: Sequence[Trainee], device: torch.device) -> None:
        """Leave this process its shards of their IdentityNets, if anything is sharded."""
        for trainee in trainees:
            if self.sharded and trainee.identitynet is not None:
                shard(trainee.identitynet, device, self.processes.count)

    @property
    def takes_part(self) -> bool:
        """Whether this process has anything to do where weights are written or shown."""
        return self.processes.first or self.sharded

    def all_or_none(self, wanted: bool) -> bool:
        """The same in all processes that take part: their clocks differ."""
        return self.processes.any(wanted) if self.sharded else wanted

    def clip(self, weights: Iterable[Tensor], limit: float) -> Tensor:
        """Scale gradients down to a norm; the norm they had."""
        if self.sharded:
            return clipped([*weights], limit)
        return torch.nn.utils.clip_grad_norm_(weights, limit)

    def weights(self, trainee: Trainee) -> dict[str, Tensor]:
        """Whole, in the first process; where they are in shards all must ask together."""
        return whole(trainee.state_dict(), self.processes.first)


def shard(net: Network, device: torch.device, count: int) -> None:
    """Leave each process one of `count` shards of a net's weights; gradients are summed over all of them."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (count,))
    blocks: Iterable[nn.Module] = (net.input_hint_block, *net.input_blocks, net.middle_block)
    for module in (*blocks, net):
        made: Any = fully_shard(module, mesh=mesh)
        made.set_gradient_divide_factor(1.0)
        made.set_force_sum_reduction_for_comms(True)  # gloo knows no other


def is_shard(weight: Tensor) -> bool:
    """Told without torch.distributed, which not every build of torch has."""
    return hasattr(weight, "to_local")


def here(weight: Tensor) -> Tensor:
    """What of a weight is in this process: a view."""
    return cast(Any, weight).to_local() if is_shard(weight) else weight


def whole(tree: Any, keep: bool) -> Any:
    """The same dictionaries and lists with whole tensors, for which all processes must ask together.

    Without `keep` what was in shards is left out: one process alone needs the room for it.
    """
    if isinstance(tree, Tensor) and is_shard(tree):
        together = cast(Any, tree).full_tensor()
        return together if keep else None
    if isinstance(tree, Mapping):
        return {name: whole(each, keep) for name, each in cast(Mapping[Any, Any], tree).items()}
    if isinstance(tree, list):
        return [whole(each, keep) for each in cast(list[Any], tree)]
    return tree


def shared_out(given: Tensor, like: Tensor) -> Tensor:
    """What this process has of a whole tensor: the shard that `like` is of another, or all of it."""
    if not is_shard(like):
        return given
    from torch.distributed.tensor import distribute_tensor

    other = cast(Any, like)
    return distribute_tensor(given.to(like.device), other.device_mesh, other.placements, src_data_rank=None)


def clipped(weights: Sequence[Tensor], limit: float) -> Tensor:
    """Scale gradients down to a norm over all processes, as torch's clip_grad_norm_ does in one; the norm they had."""
    gradients = [(is_shard(w), here(w.grad)) for w in weights if w.grad is not None]
    norms = {kind: torch.nn.utils.get_total_norm([g for k, g in gradients if k == kind]) for kind in (False, True)}
    squared = norms[True] ** 2
    dist.all_reduce(squared)
    norm = (norms[False] ** 2 + squared).sqrt()
    share = (limit / (norm + 1e-6)).clamp(max=1.0)
    for _, gradient in gradients:
        gradient.mul_(share)
    return norm
