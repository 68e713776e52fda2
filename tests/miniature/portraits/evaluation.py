"""How far each model of the portraits has come: how well people are redrawn, texts kept and held-out people held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from pack.attention.reference.embeds import Embeds
from torch import Tensor

from ..world import files
from ..world.drawing import World
from ..world.evaluation import Row, by_another_person, eight_bit, mean, parts_of
from ..world.judge import agreement, keypoint_error
from ..world.recogniser import seen
from . import recogniser
from .adapters import hint
from .head import keypoints
from .identity import NAMED, Identity
from .judge import ASKED, drawings, fitted, places, truth
from .people import strangers
from .pictures import SIDE, Scene, any_scene, caption

SEED = 900
POSES = 5
WEIGHTS = (0.0, 0.5, 1.0)


class Evaluation:
    """Draws and measures, from the folder of a training; every method gives rows of a table, shares being 0..1."""

    def __init__(self, folder: Path) -> None:
        """A judge that is not there is fitted, so not in inference mode."""
        self.folder = folder
        self.people, self.posed = held_out()
        self.pictures = drawings(self.posed)
        self.points = places([scene for _, scene in self.posed])
        told = truth(self.posed)
        self.kept = {name: told[name] for name in NAMED}
        self.asked = {name: told[name] for name in ASKED}
        self.texts = [caption(scene) for _, scene in self.posed]
        self.world = World(folder, SIDE)
        self.judge = fitted(self.world.vae, folder)

    def rows(self) -> Iterator[Row]:
        """Those of every stage that has its file."""
        yield from self.drawn()
        yield from self.redrawn()
        yield from self.texts_alone()
        if (self.folder / files.INSTANTID).is_file():
            yield from self.people_held()

    def drawn(self) -> Iterator[Row]:
        """The drawings themselves: how far the judge can be believed."""
        yield {"experiment": "the person drawn", **self._measured(self.pictures)}

    def redrawn(self) -> Iterator[Row]:
        """The drawings through the autoencoder: what a perfect model would get."""
        vae = self.world.vae
        parts = [vae.decode(vae.encode(self.pictures[rows])) for rows in parts_of(len(self.pictures))]
        yield {"experiment": "the person redrawn", **self._measured(torch.cat(parts))}

    def texts_alone(self) -> Iterator[Row]:
        """The base model alone."""
        parts = [self.world.by_text(self.texts[rows]) for rows in parts_of(len(self.texts))]
        yield {"experiment": "the text alone", **self._measured(torch.cat(parts))}

    def people_held(self) -> Iterator[Row]:
        """Held-out people, each in several poses that the keypoints give."""
        adapter = self.world.adapter(files.INSTANTID)
        reference = self._embedded(drawings(self.people), self.people).repeat_interleave(POSES, 0)
        hints = torch.stack([hint(keypoints(scene.pose)) for _, scene in self.posed]).movedim(1, -1)
        for weight in WEIGHTS:
            parts = [
                self.world.held(
                    self.texts[rows], adapter, Embeds(face=reference[rows], encoder=""), hints[rows], weight
                )
                for rows in parts_of(len(self.posed))
            ]
            pictures = torch.cat(parts)
            found = self._embedded(pictures, self.posed)
            yield {
                "experiment": "InstantID",
                "weight": weight,
                **self._measured(pictures),
                "cosine": float(F.cosine_similarity(found, reference).mean()),
                "cosine, shuffled": float(F.cosine_similarity(found, reference.roll(POSES, 0)).mean()),
            }

    def _embedded(self, pictures: Tensor, shown_in: Sequence[tuple[Identity, Scene]]) -> Tensor:
        points = numpy.stack([keypoints(scene.pose) for _, scene in shown_in])
        network = recogniser.network(files.tensors(files.RECOGNISER, self.folder))
        return torch.from_numpy(seen(network, recogniser.upright(eight_bit(pictures), points)))

    def _measured(self, pictures: Tensor) -> Row:
        kept = agreement(self.judge, pictures, self.kept)
        return {
            **kept,
            "kept": mean(kept),
            "shuffled": mean(agreement(self.judge, pictures, by_another_person(self.kept))),
            **agreement(self.judge, pictures, self.asked),
            "keypoints": keypoint_error(self.judge, pictures, self.points) / SIDE,
        }


def held_out() -> tuple[list[tuple[Identity, Scene]], list[tuple[Identity, Scene]]]:
    """Strangers, each once as a flat drawing in another pose, and each of them again in POSES poses of any style."""
    random = numpy.random.default_rng(SEED)
    people = strangers()
    once = [(who, any_scene(random, "flat drawing")) for who in people]
    return once, [(who, any_scene(random)) for who in people for _ in range(POSES)]
