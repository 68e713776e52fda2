"""The training loop of all that is not trained by the pack: AdamW, cosine, averaged weights, resumable."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import comfy.model_management
import torch
from pack.attention.training.processes import Processes, Sum, joined
from torch import Tensor, autocast, nn

AVERAGE = 0.99  # of the averaged weights, for each step
REPORT = 25  # steps
KEEP = 100  # steps between saved states


@dataclass(frozen=True)
class Plan:
    """How long and how fast to fit."""

    steps: int
    rate: float
    warmup: int = 50

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then a cosine down to a fiftieth."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def device() -> torch.device:
    """Where the host computes: what a loss is computed of belongs there."""
    return comfy.model_management.get_torch_device()


def half() -> autocast:
    """bf16 for what is not harmed by it."""
    return autocast(device().type, torch.bfloat16)


def fit(
    network: nn.Module, loss_of: Callable[[int], Tensor], plan: Plan, state: Path, log: Path, parts: int = 1
) -> dict[str, Tensor]:
    """Fit a network on the host's device from where `state` stopped, and bring it back; the averaged weights.

    A step has `parts`, which processes may share; `loss_of(number)` of each draws its batch from a generator seeded with
    its number, so a resumed run sees what an uninterrupted one would have seen, and two processes what one sees.
    """
    processes = joined()
    parameters = [parameter for parameter in network.to(device()).parameters() if parameter.requires_grad]
    together = Sum(parameters, processes)
    optimizer = torch.optim.AdamW(parameters, lr=plan.rate, weight_decay=0.01, betas=(0.9, 0.99))
    averaged = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    first = 0
    if state.is_file():
        kept = torch.load(state, weights_only=True, map_location=device())
        network.load_state_dict(kept["network"])
        optimizer.load_state_dict(kept["optimizer"])
        averaged, first = kept["averaged"], kept["step"]
    course = Course(log, plan.steps)
    for step in range(first, plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate_at(step)
        optimizer.zero_grad(set_to_none=True)
        loss = _backward(loss_of, step, parts, together, processes)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        average(averaged, network, step)
        if not processes.first:
            continue
        course.tell(step, loss)
        if (step + 1) % KEEP == 0 or step + 1 == plan.steps:
            kept = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
            part = state.with_suffix(".part")
            torch.save({**kept, "averaged": averaged, "step": step + 1}, part)
            part.replace(state)
    network.cpu()
    return {name: tensor.cpu() for name, tensor in averaged.items()}


def _backward(loss_of: Callable[[int], Tensor], step: int, parts: int, together: Sum, processes: Processes) -> float:
    """Put the gradient of a whole step into the weights; its loss."""
    lost = []
    for number in range(processes.rounds(parts)):
        loss = loss_of(step * parts + processes.part(number)) / parts
        loss.backward()
        together.take()
        lost.append(loss.detach())
    together.give()
    return float(sum(processes.in_order(lost)))


@torch.no_grad()
def average(averaged: dict[str, Tensor], network: nn.Module, step: int) -> None:
    """Take the weights after a step into their average, in place."""
    share = min(AVERAGE, (1 + step) / (10 + step))
    for name, tensor in network.state_dict().items():
        averaged[name].lerp_(tensor, 1 - share)


class Course:
    """Writes the mean loss of every few steps to the log."""

    def __init__(self, log: Path, steps: int) -> None:
        self.log, self.steps = log, steps
        self.began, self.total = time.monotonic(), 0.0

    def tell(self, step: int, loss: float) -> None:
        self.total += loss
        if (step + 1) % REPORT:
            return
        seconds = time.monotonic() - self.began
        line = f"step {step + 1} of {self.steps}  loss {self.total / REPORT:.5f}  {seconds:.0f} s"
        with self.log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self.total = 0.0
