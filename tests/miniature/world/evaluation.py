"""How much of a held-out reference arrives in a picture, how well the text is kept beside it, and what chance gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from pack.attention.models.families import FAMILIES
from pack.attention.reference.embeds import Embeds
from torch import Tensor

from . import adapters, encoder, files, models, recogniser
from .drawing import Branch, World
from .faces import IDENTITY, Identity, any_pose, caption_face, draw_face
from .judge import agreement, fitted, keypoint_error, places, truth
from .layout import COMPOSITION, STYLE
from .people import strangers
from .pictures import Drawn, as_images, draw_shapes
from .shapes import SHAPES

SEED = 900
REFERENCES = 128
POSES = 5
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
AGAINST_TEXT = (*WEIGHTS, 2.0, 3.0)
PART = 64  # pictures drawn at a time
APPEARANCE = ("colour", "texture")
ALONE = {"style": (STYLE, (*APPEARANCE, "background")), "composition": (COMPOSITION, ("position",))}

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class References:
    """Held-out pictures of shapes, with what the image encoder sees in them."""

    drawn: Sequence[Drawn]
    seen: Tensor  # (n, F)

    def embeds(self, rows: slice) -> Embeds:
        return Embeds(image_embeds=self.seen[rows], encoder=adapters.ENCODER)


def references(weights: Path) -> References:
    """Held-out shapes."""
    drawn = draw_shapes(SEED, REFERENCES)
    pixels = (as_images(drawn) * 255).round().byte()
    return References(drawn, encoder.pooled(models.clip_vision(weights), pixels))


def rolled(told: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the next reference shows: the control, in which nothing but chance agrees."""
    return {name: values.roll(1, 0) for name, values in told.items()}


class Evaluation:
    """Draws and measures; every method gives rows of a table, shares being 0..1."""

    def __init__(self, folder: Path, weights: Path = files.WEIGHTS) -> None:
        """`folder` keeps the judges; what is not there is fitted, so not in inference mode."""
        self.world = World(weights)
        self.weights = weights
        self.given = references(weights)
        self.ip_adapter = self.world.adapter(files.IP_ADAPTER)
        self.judge, self.judge_of_faces = (fitted(kind, self.world.vae, folder) for kind in ("shape", "face"))

    def rows(self) -> Iterator[Row]:
        yield from self.ceiling()
        yield from self.reference_alone()
        yield from self.layers()
        yield from self.style_or_composition()
        yield from self.text_and_reference()
        yield from self.faces()

    def ceiling(self) -> Iterator[Row]:
        """The references themselves through the autoencoder: what a perfect model would get."""
        redrawn = self._redrawn(as_images(self.given.drawn))
        yield {"experiment": "the reference redrawn", **self._shares(redrawn)}

    def reference_alone(self) -> Iterator[Row]:
        """The reference says everything, the text nothing."""
        for weight in WEIGHTS:
            pictures = self._drawn(["a thing"] * REFERENCES, Branch(weight))
            yield {"experiment": "reference alone", "weight": weight, **self._shares(pictures)}

    def layers(self) -> Iterator[Row]:
        """The same in some layers only: what each block of the model carries."""
        for layers in [f"{block}:1" for block in range(FAMILIES["vega"].num_transformers)]:
            pictures = self._drawn(["a thing"] * REFERENCES, Branch(1.0, layers))
            yield {"experiment": "layers", "layers": layers, "weight": 1.0, **self._shares(pictures)}

    def style_or_composition(self) -> Iterator[Row]:
        """The block that carries each, while the text names another shape than the reference shows: how far what it is
        for moves towards the reference, and all else, where 0 is the model without it and 1 the reference itself."""
        texts = [f"a {shape}" for shape in other_shapes(self.given.drawn)]
        told = truth(self.given.drawn, "shape")
        plain = agreement(self.judge, self._drawn(texts, Branch(0.0)), told)
        for name, (block, names) in ALONE.items():
            at = agreement(self.judge, self._drawn(texts, Branch(1.0, f"{block}:1")), told)
            moved = {each: (at[each] - plain[each]) / (1 - plain[each]) for each in at}
            named = mean({each: moved[each] for each in names})
            other = mean({each: abs(moved[each]) for each in moved if each not in names})
            yield {"experiment": f"{name} alone", "layers": f"{block}:1", **moved, "named": named, "all else": other}

    def text_and_reference(self) -> Iterator[Row]:
        """The text names another shape than the reference shows."""
        named = other_shapes(self.given.drawn)
        for fusion in ("add", "orthogonal"):
            for weight in AGAINST_TEXT:
                pictures = self._drawn([f"a {shape}" for shape in named], Branch(weight, fusion=fusion))
                told = {"shape": torch.tensor([list(SHAPES).index(shape) for shape in named])}
                kept = agreement(self.judge, pictures, told)["shape"]
                row = {"experiment": "text and reference", "fusion": fusion, "weight": weight, "text": kept}
                yield {**row, **self._shares(pictures)}

    def faces(self) -> Iterator[Row]:
        """Held-out people, each in several poses that the keypoints give."""
        judge, adapter = self.judge_of_faces, self.world.adapter(files.INSTANTID)
        people, posed = held_out_faces()
        told, points = truth(posed, "face"), places(posed)
        kept = {name: values for name, values in told.items() if name in IDENTITY}
        asked = {name: values for name, values in told.items() if name not in IDENTITY}
        redrawn = self._redrawn(as_images(posed))
        sees = recogniser.network_of_the_world(self.weights)
        first = torch.from_numpy(recogniser.seen(sees, recogniser.upright(people)))
        reference = first.repeat_interleave(POSES, 0)
        hints = torch.stack([adapters.hint(each) for each in posed]).movedim(1, -1)
        texts = [each.caption for each in posed]

        def measured(pictures: Tensor) -> Row:
            again = [Drawn(pixels, "", pose=each.pose) for pixels, each in zip(eight_bit(pictures), posed, strict=True)]
            found = torch.from_numpy(recogniser.seen(sees, recogniser.upright(again)))
            like = torch.nn.functional.cosine_similarity
            return {
                **agreement(judge, pictures, kept),
                "text": mean(agreement(judge, pictures, asked)),
                "shuffled": mean(agreement(judge, pictures, by_another_person(kept))),
                "kept": mean(agreement(judge, pictures, kept)),
                "keypoints": keypoint_error(judge, pictures, points),
                "cosine": float(like(found, reference).mean()),
                "cosine, shuffled": float(like(found, reference.roll(POSES, 0)).mean()),
            }

        yield {"experiment": "the person redrawn", **measured(redrawn)}
        for weight in (0.0, 0.5, 1.0):
            parts = [
                self.world.held(texts[rows], adapter, Embeds(face=reference[rows], encoder=""), hints[rows], weight)
                for rows in parts_of(len(posed))
            ]
            yield {"experiment": "InstantID", "weight": weight, **measured(torch.cat(parts))}

    def _redrawn(self, pictures: Tensor) -> Tensor:
        vae = self.world.vae
        return torch.cat([vae.decode(vae.encode(part)) for part in pictures.split(PART)])

    def _drawn(self, texts: Sequence[str], branch: Branch) -> Tensor:
        parts = [
            self.world.drawn(texts[rows], self.ip_adapter, self.given.embeds(rows), branch)
            for rows in parts_of(len(texts))
        ]
        return torch.cat(parts)

    def _shares(self, pictures: Tensor) -> Row:
        told = truth(self.given.drawn, "shape")
        by_chance = agreement(self.judge, pictures, rolled(told))
        shuffled = {f"{name}, shuffled": by_chance[name] for name in APPEARANCE}
        return {**agreement(self.judge, pictures, told), **shuffled}


def parts_of(count: int) -> list[slice]:
    return [slice(start, min(start + PART, count)) for start in range(0, count, PART)]


def mean(shares: Mapping[str, float]) -> float:
    return sum(shares.values()) / len(shares)


def other_shapes(drawn: Sequence[Drawn]) -> list[str]:
    """For each picture the name of a shape that it does not show."""
    names = list(SHAPES)
    return [
        names[(names.index(each.shape.shape) + 1 + number % (len(names) - 1)) % len(names)]
        for number, each in enumerate(drawn)
        if each.shape
    ]


def held_out_faces() -> tuple[list[Drawn], list[Drawn]]:
    """Strangers, each once, and each of them again in POSES poses."""
    random = numpy.random.default_rng(SEED)

    def shown(identity: Identity) -> Drawn:
        pose = any_pose(random)
        return Drawn(draw_face(identity, pose), caption_face(pose), identity=identity, pose=pose)

    people = strangers()
    return [shown(each) for each in people], [shown(each) for each in people for _ in range(POSES)]


def by_another_person(told: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the next person shows: the control."""
    return {name: values.roll(POSES, 0) for name, values in told.items()}


def eight_bit(pictures: Tensor) -> numpy.ndarray:
    return (pictures.clamp(0, 1) * 255).round().byte().numpy()
