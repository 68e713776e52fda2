"""The loop: chooses batches, trains on them, and tells how it goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import comfy.model_management
import torch
from torch import Tensor, autocast

from ..cache import digest
from .checkpointing import checkpointed
from .course import Course
from .dataset import Batches, Dataset
from .ema import ema_of
from .frozen import FrozenModel
from .held_out import HeldOut, split
from .log import Log, Logs, Values, closing
from .loss import loss, noised
from .memory import memory_used
from .references import drawn, more_references
from .resume import Given, Moving, StateFile
from .settings import PRECISIONS, Settings
from .showing import Showing
from .trainee import Trainee
from .weighting import weights_of


@dataclass(frozen=True, eq=False)
class Watch:
    """Whom to tell: `after_step(done, of, loss)`, and `sample(done, weights)` every `sample_every` steps (0: never).

    The state is written to `state` every `write_every` steps, and when the user cancels. `logs` are told every step.
    `publish(trained so far)` is called every `publish_every` steps (0: never), but not after the last.
    What is held out is predicted before the first step, after the last, and every `check_every` steps.
    """

    after_step: Callable[[int, int, float], None] = lambda _done, _of, _loss: None
    sample: Callable[[int, dict[str, Tensor]], None] = lambda _done, _weights: None
    sample_every: int = 0
    state: Path | None = None
    write_every: int = 200
    logs: Logs | None = None
    publish: Callable[[Trained], None] = lambda _trained: None
    publish_every: int = 0
    check_every: int = 0


@dataclass(frozen=True, eq=False)
class Trained:
    """What came out: the weights by their names in the trainee, the loss of every step, and what Course tells of checks."""

    weights: dict[str, Tensor]
    losses: list[float]
    checks: dict[int, float]


class Trainer:
    """One training. The numbers of a step depend on the seed and the step alone, so that a resumed one is the same."""

    def __init__(
        self, frozen: FrozenModel, trainee: Trainee, dataset: Dataset, settings: Settings, begun: str = ""
    ) -> None:
        """`begun` is a hash of the weights of a file that the trainee has, if it does not begin new."""
        self.frozen = frozen
        self.trainee = trainee.to(frozen.device, torch.float32)
        self.dataset, self.apart = split(dataset, settings.held_out)
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
        self._batches = Batches(self.dataset, settings.batch_size)
        self._showing = Showing(frozen, self.trainee, dataset)
        self._held_out = None
        if self.apart is not None:
            self._held_out = HeldOut(self.apart, self._showing, frozen.model, settings.batch_size)

    def run(self, watch: Watch) -> Trained:
        """Train from where `watch.state` stands, or from the beginning; RuntimeError if a frozen weight changed."""
        state = None if watch.state is None else self._keeper(watch.state)
        course = Course() if state is None else state.resume()
        networks = (self.frozen.unet, *(net for net in (self.trainee.identitynet,) if net is not None))
        logs = [] if watch.logs is None else watch.logs.opened(course.done)
        with checkpointed(networks, self.settings.checkpointing), closing(logs):
            try:
                if not course.done:
                    _log(logs, 0, self._checked(watch, course))
                for step in range(course.done, self.settings.steps):
                    comfy.model_management.throw_exception_if_processing_interrupted()
                    _log(logs, step + 1, self._timed_step(step, course) | self._checked(watch, course))
                    self._tell(watch, state, course)
            except comfy.model_management.InterruptProcessingException:
                if state is not None:
                    state.write(course)
                raise
        self.frozen.check_untouched()
        return self._trained(course)

    def weights(self) -> dict[str, Tensor]:
        """What is saved and shown, by its names in the trainee: the averaged weights, or the last ones."""
        return self._shown().state_dict()

    def _shown(self) -> Trainee:
        return self.trainee if self.ema is None else cast(Trainee, self.ema.module)

    def _trained(self, course: Course) -> Trained:
        return Trained(self.weights(), list(course.losses), dict(course.checks))

    def _tell(self, watch: Watch, state: StateFile | None, course: Course) -> None:
        done, of = course.done, self.settings.steps
        if state is not None and (done % watch.write_every == 0 or done == of):
            state.write(course)
        watch.after_step(done, of, course.losses[-1])
        if watch.sample_every and done % watch.sample_every == 0:
            watch.sample(done, self.weights())
        if watch.publish_every and done % watch.publish_every == 0 and done < of:
            self.frozen.check_untouched()
            watch.publish(self._trained(course))

    def _checked(self, watch: Watch, course: Course) -> dict[str, float]:
        """What is to be told of the pictures held out, where it is time to look at them."""
        done = course.done
        now = done in (0, self.settings.steps) or bool(watch.check_every and done % watch.check_every == 0)
        if self._held_out is None or not now:
            return {}
        predicted = self._held_out.predicted(self._shown(), self._precision())
        course.checks[done] = predicted.mean
        return predicted.told()

    def _timed_step(self, step: int, course: Course) -> dict[str, float]:
        """Take a step; what is to be told of it."""
        began = time.perf_counter()
        loss, norm = self._step(step)
        course.losses.append(loss)
        pictures = self.settings.batch_size * self.settings.accumulation
        return {
            "loss": loss,
            "rate": self.settings.rate_at(step),
            "norm": norm,
            "pictures_per_second": pictures / (time.perf_counter() - began),
            "memory": memory_used(self.frozen.device),
        }

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
        model = self.frozen.model
        clean = self._showing.latents(chosen)
        given = noised(model.model_sampling, clean, generator, self.settings.noise_offset)
        drops = dropped(len(chosen), self.settings.drops, generator)
        # Drawn last: nothing else is drawn otherwise where a reference is the picture itself.
        batch = self._showing.batch(chosen, clean, drops, [drawn(example, generator) for example in chosen])
        weights = weights_of(given.sigmas, self.settings.weighting, self.settings.snr_gamma)
        with self._precision():
            return loss(given, self.trainee(model, given, batch), weights)

    def _precision(self) -> Any:
        dtype = PRECISIONS[self.settings.precision]
        return nullcontext() if dtype == torch.float32 else autocast(self.frozen.device.type, dtype)

    def _keeper(self, path: Path) -> StateFile:
        given = Given(contents(self.dataset), self._begun)
        moving = Moving(self.trainee, self.optimizer, self.scaler, self.ema)
        return StateFile(path, self.settings, given, moving)


def _log(logs: Sequence[Log], step: int, values: Values) -> None:
    for log in logs if values else ():
        log.tell(step, values)


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
    texts = [example.text[0] for example in dataset.examples]
    return digest(*latents, *features, *texts, *more_references(dataset))


def _seed(seed: int, step: int, part: int) -> int:
    return (seed * 1_000_003 + step * 1009 + part) % 2**63
