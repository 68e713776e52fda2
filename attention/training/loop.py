"""The loop: chooses batches, trains on them, and tells how it goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_management
import torch
from torch import Tensor, autocast

from ..cache import digest
from .checkpointing import checkpointed
from .conditions import Conditions
from .dataset import Batches, Dataset, Example
from .ema import ema_of
from .frozen import FrozenModel
from .log import Log, Logs, closing
from .loss import loss, noised
from .memory import memory_used
from .resume import Given, Moving, StateFile
from .settings import PRECISIONS, Settings
from .trainee import Batch, Trainee
from .weighting import weights_of


@dataclass(frozen=True, eq=False)
class Watch:
    """Whom to tell: `after_step(done, of, loss)`, and `sample(done, weights)` every `sample_every` steps (0: never).

    The state is written to `state` every `write_every` steps, and when the user cancels. `logs` are told every step.
    `publish(trained so far)` is called every `publish_every` steps (0: never), but not after the last.
    """

    after_step: Callable[[int, int, float], None] = lambda _done, _of, _loss: None
    sample: Callable[[int, dict[str, Tensor]], None] = lambda _done, _weights: None
    sample_every: int = 0
    state: Path | None = None
    write_every: int = 200
    logs: Logs | None = None
    publish: Callable[[Trained], None] = lambda _trained: None
    publish_every: int = 0


@dataclass(frozen=True, eq=False)
class Trained:
    """What came out: the weights by their names in the trainee, and the loss of every step."""

    weights: dict[str, Tensor]
    losses: list[float]


class Trainer:
    """One training. The numbers of a step depend on the seed and the step alone, so that a resumed one is the same."""

    def __init__(
        self, frozen: FrozenModel, trainee: Trainee, dataset: Dataset, settings: Settings, begun: str = ""
    ) -> None:
        """`begun` is a hash of the weights of a file that the trainee has, if it does not begin new."""
        self.frozen = frozen
        self.trainee = trainee.to(frozen.device, torch.float32)
        self.dataset = dataset
        self.settings = settings
        self.ema = ema_of(self.trainee, settings.average) if settings.average else None
        self.optimizer = torch.optim.AdamW(
            self.trainee.parameters(),
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            weight_decay=settings.weight_decay,
        )
        # Where the precision needs none it hands everything on as it is.
        self.scaler = torch.amp.GradScaler(frozen.device.type, enabled=settings.scales_gradients)
        self._begun = begun
        self._features = trainee.identity.variant.features
        self._batches = Batches(dataset, settings.batch_size)
        self._conditions = Conditions(frozen.model, frozen.device)

    def run(self, watch: Watch) -> Trained:
        """Train from where `watch.state` stands, or from the beginning; RuntimeError if a frozen weight changed."""
        state = None if watch.state is None else self._keeper(watch.state)
        losses = [] if state is None else state.resume()
        networks = (self.frozen.unet, *(net for net in (self.trainee.identitynet,) if net is not None))
        logs = [] if watch.logs is None else watch.logs.opened(len(losses))
        with checkpointed(networks, self.settings.checkpointing), closing(logs):
            try:
                for step in range(len(losses), self.settings.steps):
                    comfy.model_management.throw_exception_if_processing_interrupted()
                    self._told(logs, step, losses)
                    self._tell(watch, state, losses)
            except comfy.model_management.InterruptProcessingException:
                if state is not None:
                    state.write(losses)
                raise
        self.frozen.check_untouched()
        return Trained(self.weights(), losses)

    def weights(self) -> dict[str, Tensor]:
        """What is saved and shown, by its names in the trainee: the averaged weights, or the last ones."""
        return (self.trainee if self.ema is None else self.ema.module).state_dict()

    def _tell(self, watch: Watch, state: StateFile | None, losses: Sequence[float]) -> None:
        done, of = len(losses), self.settings.steps
        if state is not None and (done % watch.write_every == 0 or done == of):
            state.write(losses)
        watch.after_step(done, of, losses[-1])
        if watch.sample_every and done % watch.sample_every == 0:
            watch.sample(done, self.weights())
        if watch.publish_every and done % watch.publish_every == 0 and done < of:
            self.frozen.check_untouched()
            watch.publish(Trained(self.weights(), list(losses)))

    def _told(self, logs: Sequence[Log], step: int, losses: list[float]) -> None:
        """Take a step and say how it went."""
        began = time.perf_counter()
        loss, norm = self._step(step)
        losses.append(loss)
        pictures = self.settings.batch_size * self.settings.accumulation
        values = {
            "loss": loss,
            "rate": self.settings.rate_at(step),
            "norm": norm,
            "pictures_per_second": pictures / (time.perf_counter() - began),
            "memory": memory_used(self.frozen.device),
        }
        for log in logs:
            log.tell(step + 1, values)

    def _step(self, step: int) -> tuple[float, float]:
        """The loss of a step and the norm of its gradient."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(step)
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for part in range(self.settings.accumulation):
            generator = torch.Generator().manual_seed(_seed(self.settings.seed, step, part))
            each = self._loss(generator) / self.settings.accumulation
            self.scaler.scale(each).backward()
            total += each.item()
        if not torch.isfinite(torch.tensor(total)):
            raise ValueError(f"the loss of step {step + 1} is {total}. Lower the learning rate, or train in fp32.")
        norm = self._update(step)
        if self.ema is not None:
            self.ema.update_parameters(self.trainee)
        return total, norm

    def _update(self, step: int) -> float:
        """Move the weights by their gradients; the norm of these.

        Raises ValueError where one is no number, but for what fp16 steps over.
        """
        self.scaler.unscale_(self.optimizer)
        limit = self.settings.gradient_limit or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.trainee.parameters(), limit).item()
        if not (self.scaler.is_enabled() or math.isfinite(norm)):
            raise ValueError(f"the gradient of step {step + 1} is {norm}. Lower the learning rate, or train in fp32.")
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return norm

    def _loss(self, generator: torch.Generator) -> Tensor:
        chosen = [self.dataset.examples[number] for number in self._batches.numbers(generator)]
        latents = torch.stack([example.latent for example in chosen]).to(self.frozen.device, torch.float32)
        model = self.frozen.model
        given = noised(model.model_sampling, model.process_latent_in(latents), generator, self.settings.noise_offset)
        batch = self._batch(chosen, given.clean, generator)
        weights = weights_of(given.sigmas, self.settings.weighting, self.settings.snr_gamma)
        with self._precision():
            return loss(given, self.trainee(model, given, batch), weights)

    def _precision(self) -> Any:
        dtype = PRECISIONS[self.settings.precision]
        return nullcontext() if dtype == torch.float32 else autocast(self.frozen.device.type, dtype)

    def _batch(self, chosen: Sequence[Example], latents: Tensor, generator: torch.Generator) -> Batch:
        drops = dropped(len(chosen), self.settings.drops, generator)
        texts = [self.dataset.no_text if no_text else e.text for e, (no_text, _) in zip(chosen, drops, strict=True)]
        shown = [
            self.dataset.no_picture if no_picture else e.embeds
            for e, (_, no_picture) in zip(chosen, drops, strict=True)
        ]
        features = tuple(
            torch.cat([embeds.feature(name) for embeds in shown]).to(self.frozen.device, torch.float32)
            for name in self._features
        )
        hints = None
        if self.trainee.identitynet is not None:
            hints = torch.stack([example.shown_hint for example in chosen]).to(latents)
        return Batch(self._conditions.batch(texts, latents), features, hints)

    def _keeper(self, path: Path) -> StateFile:
        given = Given(contents(self.dataset), self._begun)
        moving = Moving(self.trainee, self.optimizer, self.scaler, self.ema)
        return StateFile(path, self.settings, given, moving)


def dropped(count: int, drops: tuple[float, float, float], generator: torch.Generator) -> list[tuple[bool, bool]]:
    """For each example whether it is shown without its text, and without its picture; at most one draw decides."""
    text, picture, both = drops
    found: list[tuple[bool, bool]] = []
    for chance in torch.rand(count, generator=generator, dtype=torch.float64).tolist():
        no_both = text + picture <= chance < text + picture + both
        found.append((chance < text or no_both, text <= chance < text + picture or no_both))
    return found


def contents(dataset: Dataset) -> str:
    """A hash of what is trained on."""
    latents = [example.latent for example in dataset.examples]
    features = [example.embeds.feature(name) for example in dataset.examples for name in example.embeds.names]
    return digest(*latents, *features, *(example.text[0] for example in dataset.examples))


def _seed(seed: int, step: int, part: int) -> int:
    return (seed * 1_000_003 + step * 1009 + part) % 2**63
