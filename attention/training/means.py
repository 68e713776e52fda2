"""A device -> how a training computes there: what changes its time and its memory, but not what is learned."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Means:
    """Ways of computing the same training.

    `held`: the frozen weights are cast once, where memory allows, not anew in every layer of every step. `lean`: the
    frozen model then computes in its precision throughout, as the host does when it draws, and only what is trained
    has the precision chosen for each operator. `fused`: one kernel updates all weights. `compiled`: blocks are compiled.
    `roomy`: checkpointing, where it is on, gives way where there is room for the activations. `recorded`: passes are
    recorded and launched whole.
    `sharded`: the weights of an IdentityNet are shared out among the processes.
    `attention`: whose fused kernels are asked first, 'flash' or 'cudnn'; 'host' is what the host draws with.
    """

    held: bool = True
    lean: bool = False
    fused: bool = False
    compiled: bool = False
    roomy: bool = False
    recorded: bool = False
    sharded: bool = False
    attention: str = "host"


def means_for(device: torch.device, roomy: bool = True, compiled: bool = False) -> Means:
    """What serves best on a device. Where there is no CUDA only what leaves every bit as it is."""
    if device.type != "cuda" or not torch.cuda.is_available():
        return Means(compiled=compiled)
    # Recorded passes were seen to serve with PyTorch's own allocator, and with no other yet.
    recorded = torch.cuda.get_allocator_backend() == "native"
    return Means(lean=True, fused=True, compiled=compiled, roomy=roomy, recorded=recorded, attention="flash")
