"""Dataset and a recipe -> a finished training, watched by the user, and what a node shows and gives of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ...attention.training.curve import as_image, loss_curve
from ...attention.training.dataset import Dataset, Text
from ...attention.training.log import Logs
from ...attention.training.loop import Trained, Trainer, Watch
from ...attention.training.new_adapter import parameter_count
from ...attention.training.start import Start
from ...attention.training.train import trainer_for
from ..files.training_files import log_file
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


@dataclass(frozen=True, eq=False)
class Finished:
    """A training that has come to its end."""

    trainer: Trainer
    trained: Trained
    view: View
    curve: Tensor
    started_from: str

    def pictures(self) -> Tensor:
        """To show under the node."""
        return self.view.pictures(self.curve)

    def course(self) -> tuple[dict[str, list[float]], Tensor, Tensor]:
        """What course_outputs give."""
        return {"loss": self.trained.losses}, self.curve, self.view.samples(self.curve)

    def origin(self) -> dict[str, object]:
        """What a file's header tells of what it began from: nothing where it began new."""
        return {"started_from": self.started_from} if self.started_from else {}

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
                f"base model untouched: {base.fingerprint[:12]} before and after",
            )
        )


def train(given: Lesson, recipe: Recipe, state: Path) -> Finished:
    """Train by a recipe. Call it outside inference mode."""
    trainer = trainer_for(given.model, given.dataset, given.variant, recipe.settings, given.start)
    view = View(trainer, given.vae, given.variant, given.dataset, given.looks)
    watch = Watch(
        view.step,
        view.sample,
        recipe.look_every,
        state if recipe.resume else None,
        logs=Logs(log_file(state), recipe.tracker),
    )
    trained = trainer.run(watch)
    return Finished(trainer, trained, view, as_image(loss_curve(trained.losses)), given.start.name)
