"""What a person sees of a training: the bar with the latest picture, and the pictures in a row at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import comfy.utils
import torch
from PIL import Image
from torch import Tensor

from ...attention.training.dataset import Dataset, Text
from ...attention.training.loop import Trainer
from ...attention.training.samples import Sampling, adapter_of, network_with, sample
from ...attention.training.train import unet_config
from ...face.picture import to_image
from ...face.preview import same_size
from .course_row import CourseRow

LARGEST = 512  # pixels of the preview


class View:
    """Moves the host's bar and the row on the node, and draws what the trainee can by now, from the first example (of those held out,
    where there are any) and each of some texts."""

    def __init__(
        self, trainer: Trainer, vae: Any, variant: str, dataset: Dataset, texts: Sequence[Text], row: CourseRow
    ) -> None:
        """Without `texts` the example's own is drawn."""
        self._trainer = trainer
        self._vae = vae
        self._variant = variant
        self._dataset = dataset
        self._texts = texts
        self._row = row
        self._bar: comfy.utils.ProgressBar | None = None
        self._drawn: list[Tensor] = []
        self._looks = 1  # pictures of the last time

    def step(self, done: int, of: int, loss: float) -> None:
        if self._bar is None:
            self._bar = comfy.utils.ProgressBar(of)
        self._bar.update_absolute(done, of, self._preview())
        self._row.step(done, of, loss)

    def sample(self, done: int, weights: dict[str, Tensor]) -> None:
        """Draw with these weights; what was on the device for training is put back."""
        frozen, has_net = self._trainer.frozen, self._trainer.trainee.identitynet is not None
        shown = network_with(unet_config(frozen), weights) if has_net else None
        adapter = adapter_of(weights, self._variant)
        first = (self._trainer.apart or self._dataset).examples[0]
        latents = [
            sample(frozen.patcher, adapter, shown, replace(first, text=text), self._dataset, Sampling())
            for text in self._texts or (first.text,)
        ]
        with torch.inference_mode():
            drawn = [self._vae.decode(latent).cpu()[:, ..., :3] for latent in latents]
        self._drawn += drawn
        self._looks = len(latents)
        frozen.load()
        self._row.look(done, drawn)

    def samples(self, otherwise: Tensor) -> Tensor:
        """Every picture drawn, in order, (n, H, W, 3); `otherwise` when none was."""
        return torch.cat(self._drawn) if self._drawn else otherwise

    def pictures(self, curve: Tensor) -> Tensor:
        """The loss curve and the pictures of the last time, of one size, to show under the node."""
        last = [_pixels(each) for each in (curve, *self._drawn[-self._looks :])]
        return to_image(same_size(last))

    def _preview(self) -> tuple[str, Image.Image, int] | None:
        if not self._drawn:
            return None
        return "JPEG", Image.fromarray(_pixels(self._drawn[-1])), LARGEST


def _pixels(image: Tensor) -> Any:
    return (image[0].clamp(0, 1) * 255).round().byte().numpy()
