"""Examples and a recipe -> a finished training, watched by the user, and what a node shows and gives of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ...attention.training.curve import as_image, loss_curve
from ...attention.training.examples import Examples
from ...attention.training.fresh_adapter import parameter_count
from ...attention.training.loop import Trained, Trainer, Watch
from ...attention.training.train import trainer_for
from .recipe import Recipe
from .view import View


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

    def report(self, paths: Sequence[Path]) -> str:
        """What was trained, in words."""
        base, student = self.trainer.frozen, self.trainer.student
        losses = self.trained.losses[-20:]
        cell = student.identity.family.cell
        sizes = [f"{cell * width}x{cell * height}" for height, width in self.trainer.examples.buckets()]
        counts = f"{parameter_count(student):,} trained weights"
        if student.identitynet is not None:
            counts += f" ({parameter_count(student.adapter):,} of the adapter)"
        return "\n".join(
            (
                f"{' and '.join(map(str, paths))}: {student.identity.variant.label} for {student.identity.family.label}",
                f"{counts}, {len(self.trained.losses)} steps, loss {sum(losses) / len(losses):.4f}",
                f"{len(self.trainer.examples.listed)} pictures, as {', '.join(sizes)}",
                f"base model untouched: {base.fingerprint[:12]} before and after",
            )
        )


def train(models: tuple[ModelPatcher, Any], examples: Examples, variant: str, recipe: Recipe, state: Path) -> Finished:
    """Train; `models` are the base model and its autoencoder. Call it outside inference mode."""
    model, vae = models
    trainer = trainer_for(model, examples, variant, recipe.settings)
    view = View(trainer, vae, variant, examples)
    trained = trainer.run(Watch(view.step, view.look, recipe.look_every, state if recipe.resume else None))
    return Finished(trainer, trained, view, as_image(loss_curve(trained.losses)))
