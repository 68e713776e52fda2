"""Dataset and a recipe -> a finished training, watched by the user, and what a node shows and gives of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ...attention.training.curve import as_image, loss_curve
from ...attention.training.dataset import Dataset, Text
from ...attention.training.log import Logs
from ...attention.training.loop import Trained, Trainer, Watch
from ...attention.training.means import means_for
from ...attention.training.new_adapter import parameter_count
from ...attention.training.processes import ASKED_TO_STOP
from ...attention.training.sharding import ASKED_TO_SHARD
from ...attention.training.start import Start
from ...attention.training.train import save_trained, trainer_for
from ..files.training_files import log_file, step_file
from .course_row import CourseRow
from .kept_files import KeptFiles
from .means_inputs import NEEDED
from .recipe import Recipe
from .view import View


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is trained and on what: the base model with its autoencoder, the examples, the variant, what it begins from.

    Samples are drawn with the texts `looks`, else with the first example's own.
    """

    model: ModelPatcher
    vae: Any
    dataset: Dataset
    variant: str
    start: Start
    looks: Sequence[Text] = ()


@dataclass(frozen=True)
class Target:
    """The files to write, the adapter's first, and what their headers tell beside how they were trained."""

    paths: Sequence[Path]
    told: Mapping[str, object]


@dataclass(frozen=True, eq=False)
class Finished:
    """A training that has come to its end."""

    trainer: Trainer
    trained: Trained
    view: View
    curve: Tensor

    def pictures(self) -> Tensor:
        """To show under the node."""
        return self.view.pictures(self.curve)

    def course(self) -> tuple[dict[str, list[float]], Tensor, Tensor]:
        """What course_outputs give."""
        return {"loss": self.trained.losses}, self.curve, self.view.samples(self.curve)

    def _check(self) -> tuple[str, ...]:
        """What the pictures held out say, where there are any."""
        checks, apart = self.trained.checks, self.trainer.apart
        if apart is None:
            return ()
        first, last = checks.get(0, math.nan), checks[max(checks)]
        return (f"{len(apart.examples)} pictures held out: error {first:.4f} before the first step, {last:.4f} now",)

    def report(self, paths: Sequence[Path]) -> str:
        """What was trained, in words."""
        base, trainee = self.trainer.frozen, self.trainer.trainee
        losses = self.trained.losses[-20:]
        cell = trainee.identity.family.cell
        sizes = [f"{cell * width}x{cell * height}" for height, width in self.trainer.dataset.buckets()]
        counts = f"{parameter_count(trainee):,} trained weights"
        if trainee.identitynet is not None:
            counts += f" ({parameter_count(trainee.adapter):,} of the adapter)"
        return "\n".join(
            (
                f"{' and '.join(map(str, paths))}: {trainee.identity.variant.label} for {trainee.identity.family.label}",
                f"{counts}, {len(self.trained.losses)} steps, loss {sum(losses) / len(losses):.4f}",
                f"{len(self.trainer.dataset.examples)} pictures, as {', '.join(sizes)}",
                *self._check(),
                f"base model untouched: {base.fingerprint[:12]} before and after",
            )
        )


def train(given: Lesson, recipe: Recipe, state: Path, target: Target, row: CourseRow) -> Finished:
    """Train by a recipe and write what was trained, also as far as it came where the row's button stopped it.

    Call it outside inference mode.
    """
    means = means_for(given.model.load_device, recipe.checkpoint_when == NEEDED, recipe.compile_blocks)
    means = replace(means, sharded=ASKED_TO_SHARD.is_set())
    trainer = trainer_for(given.model, given.dataset, given.variant, recipe.settings, given.start, means)
    view = View(trainer, given.vae, given.variant, given.dataset, given.looks, row)
    told = {**target.told, **({"started_from": given.start.name} if given.start.name else {})}
    files = KeptFiles(target.paths, partial(save_trained, told=told), recipe.keep_files)

    def ended_early(trained: Trained) -> None:
        done = len(trained.losses)
        kept = [step_file(path, done) for path in target.paths] if row.is_asked() and done else []
        if kept:
            trainer.frozen.check_untouched()
            files.write(trainer, trained)
        row.stopped(done, kept)

    watch = Watch(
        view.step,
        view.sample,
        recipe.look_every,
        state if recipe.resume else None,
        logs=Logs(log_file(state), recipe.tracker),
        publish=partial(files.write, trainer),
        publish_every=recipe.publish_every,
        check_every=recipe.check_every,
        stop=lambda: ASKED_TO_STOP.is_set() or row.is_asked(),
        begun=lambda losses, of: row.begun(losses, of, recipe.resume),
        ended_early=ended_early,
    )
    with row.running():
        trained = trainer.run(watch)
    if trainer.processes.first:
        files.save(target.paths, trainer, trained)
    trainer.processes.wait()  # the others read the files
    return Finished(trainer, trained, view, as_image(loss_curve(trained.losses, trained.checks)))
