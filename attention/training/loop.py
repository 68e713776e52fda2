"""The loop: chooses batches, trains on them, and tells how it goes."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import comfy.model_management
import torch
from torch import Tensor, autocast

from ..memory_full import is_full, raise_if_full
from .attending import attended
from .checkpointing import checkpointed
from .compiling import compiled
from .contents import contents
from .course import Course
from .dataset import Dataset
from .drawing import Drawing, Part
from .due import Due
from .ema import ema_of, take_in
from .frozen import FrozenModel
from .graphs import Graphs
from .held_out import HeldOut, split
from .log import Log, Values, closing
from .loss import loss
from .means import Means, means_for
from .memory import memory_used
from .processes import Sum, joined
from .resume import Given, Moving, StateFile
from .room import Room, Size, memory_of
from .settings import PRECISIONS, Settings
from .sharding import Sharing, check_can_be_sharded, is_shard
from .showing import Showing
from .trainee import Trainee
from .watch import Trained, Watch


class Trainer:
    """One training. The numbers of a step depend on the seed and the step alone, so that a resumed one is the same."""

    def __init__(
        self,
        frozen: FrozenModel,
        trainee: Trainee,
        dataset: Dataset,
        settings: Settings,
        begun: str = "",
        means: Means | None = None,
    ) -> None:
        """`begun` is a hash of the weights of a file that the trainee has, if it does not begin new."""
        self.means = means or means_for(frozen.device)
        self.processes = joined()
        self._rounds = self.processes.rounds(settings.accumulation)
        self.frozen = frozen
        self.trainee = trainee.to(frozen.device, torch.float32)
        self.dataset, self.apart = split(dataset, settings.held_out)
        self.settings = settings
        self.ema = ema_of(self.trainee) if settings.average else None
        self._sharing = Sharing(self.processes, self.means.sharded)
        if self.means.sharded:
            check_can_be_sharded(trainee, settings, self.processes.count)
        self._sharing.share_out([self.trainee, *([self._shown()] if settings.average else [])], frozen.device)
        self.optimizer = torch.optim.AdamW(
            self.trainee.parameters(),
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            weight_decay=settings.weight_decay,
            foreach=False if self.means.sharded else None,  # shards and whole weights do not go together
            # False would also keep it from treating many weights at once.
            fused=(self.means.fused and not self.means.sharded) or None,
        )
        # Where the precision needs none it hands everything on as it is.
        self.scaler = torch.amp.GradScaler(frozen.device.type, enabled=settings.scales_gradients)
        self._room = Room(settings.checkpointing, memory_of(frozen.device) if self.means.roomy else None)
        self._begun = begun
        weights = [*self.trainee.parameters()]
        self._sum = Sum([weight for weight in weights if not is_shard(weight)], self.processes)
        # Sums of several processes take the gradients out of the weights.
        self._graphs = Graphs(self._pass, self._sparing, weights, self.means.recorded and self.processes.count == 1)
        self._showing = Showing(frozen, self.trainee, dataset)
        self._drawing = Drawing(frozen, self.dataset, self._showing, settings, self.processes)
        self._held_out = None
        if self.apart is not None:
            self._held_out = HeldOut(self.apart, self._showing, frozen, settings.batch_size)

    def run(self, watch: Watch) -> Trained:
        """Train from where `watch.state` stands, or from the beginning; RuntimeError if a frozen weight changed."""
        state = None if watch.state is None else self._keeper(watch.state)
        course = Course() if state is None else state.resume()
        self._check_alike(course)
        networks = (self.frozen.unet, *(net for net in (self.trainee.identitynet,) if net is not None))
        compiling = compiled([self.frozen.unet], self.means.compiled)
        logs = watch.logs.opened(course.done) if watch.logs is not None and self.processes.first else []
        self.frozen.load()  # the host may have put it aside since: weights that come layer by layer have no gradient
        attending = attended(networks, self.frozen.attending)
        with compiling, attending, checkpointed(networks, self._room), closing(logs):
            try:
                if not course.done:
                    _log(logs, 0, self._checked(watch, course))
                due = Due(watch.write_every, watch.write_minutes, watch.clock)
                if self.processes.first:
                    watch.begun(course.losses, self.settings.steps)
                for step in range(course.done, self.settings.steps):
                    self._stop_if_asked(watch)
                    _log(logs, step + 1, self._timed_step(step, course) | self._checked(watch, course))
                    self._tell(watch, state, due, course)
            except comfy.model_management.InterruptProcessingException:
                if self._sharing.takes_part:
                    self._end_early(watch, state, course)
                raise
            finally:
                self._graphs.forget()
                self._drawing.forget()
        self.frozen.check_untouched()
        return self._trained(course)

    def _stop_if_asked(self, watch: Watch) -> None:
        if self.processes.any(watch.stop() or comfy.model_management.processing_interrupted()):
            comfy.model_management.interrupt_current_processing(False)
            raise comfy.model_management.InterruptProcessingException

    def _check_alike(self, course: Course) -> None:
        """Raise ValueError in all processes unless all of them would train the same."""
        if self.processes.count > 1:
            identity = self.trainee.identity
            kind = f"{identity.variant.name} for {identity.family.name}"
            self.processes.check_same("settings", f"{kind}, {self.settings}, {'in shards' * self.means.sharded}")
            self.processes.check_same("base model", self.frozen.fingerprint[:12])
            self.processes.check_same("start", self._begun[:12])
            self.processes.check_same("pictures", contents(self.dataset)[:12])
            self.processes.check_same("steps done", str(course.done))

    def weights(self) -> dict[str, Tensor]:
        """What is saved and shown, by its names in the trainee: the averaged weights, or the last ones.

        Where they are in shards all processes must ask together, and the first alone gets them.
        """
        return self._sharing.weights(self._shown())

    @property
    def recorded(self) -> int:
        """How many kinds of passes were launched whole."""
        return self._graphs.made

    @property
    def kept(self) -> dict[Size, bool]:
        """For sizes of latents that were measured, whether their activations are kept."""
        return dict(self._room.keeps)

    def _shown(self) -> Trainee:
        return self.trainee if self.ema is None else cast(Trainee, self.ema.module)

    def _trained(self, course: Course) -> Trained:
        return Trained(self.weights(), list(course.losses), dict(course.checks))

    def _end_early(self, watch: Watch, state: StateFile | None, course: Course) -> None:
        if state is not None:
            state.write(course)
        trained = self._trained(course)
        if self.processes.first:
            watch.ended_early(trained)

    def _tell(self, watch: Watch, state: StateFile | None, due: Due, course: Course) -> None:
        done, of = course.done, self.settings.steps
        if not self._sharing.takes_part:
            return
        if state is not None and self._sharing.all_or_none(due.after(done, of)):
            state.write(course)
            due.written()
        looks = bool(watch.sample_every and done % watch.sample_every == 0)
        publishes = bool(watch.publish_every and done % watch.publish_every == 0 and done < of)
        trained = self._trained(course) if looks or publishes else None
        if not self.processes.first:
            return
        watch.after_step(done, of, course.losses[-1])
        if looks and trained is not None:
            self._graphs.forget()  # the host may move the model to make room
            watch.sample(done, trained.weights)
        if publishes and trained is not None:
            self.frozen.check_untouched()
            watch.publish(trained)

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
        began, waited = time.perf_counter(), self._drawing.waited
        loss, norm = self._step(step)
        course.losses.append(loss)
        pictures = self.settings.batch_size * self.settings.accumulation
        return {
            "loss": loss,
            "rate": self.settings.rate_at(step),
            "norm": norm,
            "pictures_per_second": pictures / (time.perf_counter() - began),
            "waited": self._drawing.waited - waited,
            "memory": memory_used(self.frozen.device),
        }

    def _step(self, step: int) -> tuple[float, float]:
        """The loss of a step and the norm of its gradient."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(step)
        self.optimizer.zero_grad(set_to_none=not self._graphs.wanted)
        losses = self._losses(step)
        self.scaler.unscale_(self.optimizer)
        limit = self.settings.gradient_limit or math.inf
        norm = self._sharing.clip(self.trainee.parameters(), limit)
        # The one time in a step that the host waits for a card.
        *parts, length = torch.stack([*self.processes.in_order(losses), norm.to(losses[0])]).tolist()
        total = sum(parts)
        self._check_finite(step, total, length)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.ema is not None:
            take_in(self.ema, self.trainee, self.settings.average)
        self._room.decide()
        return total, length

    def _losses(self, step: int) -> list[Tensor]:
        """The loss of each of our parts of a step; the gradients of all parts are added up in the weights."""
        while True:
            try:
                return self._passes(step)
            except RuntimeError as error:
                # Of several processes the others wait for the sum of this step's parts in their order.
                may_try_again = is_full(error) and self.processes.count == 1
                if not (may_try_again and (self._graphs.stop() or self._room.give_up())):
                    raise_if_full(error)
                    raise
                logging.warning("The device's memory was full: step %s is computed again with less.", step + 1)
            # Outside of the handler, which holds on to what was computed.
            self.optimizer.zero_grad(set_to_none=True)
            comfy.model_management.soft_empty_cache()

    def _passes(self, step: int) -> list[Tensor]:
        losses: list[Tensor] = []
        for number in range(self._rounds):
            part = self._drawing.part(step, self.processes.part(number))
            height, width = part.given.clean.shape[-2:]
            self._room.begin((height, width))
            losses.append(self._graphs.run(part, self._room.forgets, self._room.is_settled, fresh=not losses))
            self._drawing.ahead(step + (number + 1 == self._rounds), self.processes.part((number + 1) % self._rounds))
            self._sum.take()
        self._sum.give()
        return losses

    def _pass(self, part: Part) -> Tensor:
        """Add the gradients of a part to the weights'; its share of the loss."""
        each = self._loss(part) / self.settings.accumulation
        self.scaler.scale(each).backward()
        return each.detach()

    def _sparing(self, part: Part) -> Tensor:
        """The same with the least memory."""
        with self._room.sparing():
            return self._pass(part)

    def _check_finite(self, step: int, loss: float, norm: float) -> None:
        """Raise ValueError where the loss is no number, or the gradient, but for what fp16 steps over."""
        for name, value, matters in (("loss", loss, True), ("gradient", norm, not self.scaler.is_enabled())):
            if matters and not math.isfinite(value):
                raise ValueError(
                    f"the {name} of step {step + 1} is {value}. Lower the learning rate, or train in fp32."
                )

    def _loss(self, part: Part) -> Tensor:
        with self._precision():
            return loss(part.given, self.trainee(self.frozen, part.given, part.batch), part.weights)

    def _precision(self) -> Any:
        dtype = PRECISIONS[self.settings.precision]
        return nullcontext() if dtype == torch.float32 else autocast(self.frozen.device.type, dtype)

    def _keeper(self, path: Path) -> StateFile:
        given = Given(contents(self.dataset), self._begun)
        moving = Moving(self.trainee, self.optimizer, self.scaler, self.ema)
        return StateFile(path, self.settings, given, moving, self.processes.first, self.means.sharded)


def _log(logs: Sequence[Log], step: int, values: Values) -> None:
    for log in logs if values else ():
        log.tell(step, values)
