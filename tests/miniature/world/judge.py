"""Tells what a picture of the world shows: a small network fitted on drawn pictures, and on how the autoencoder redraws
them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Conv2d, GroupNorm, Linear

from .faces import EXPRESSIONS, IDENTITY, keypoints
from .fitting import Plan, device, fit
from .pictures import Drawn, as_images, draw_faces, draw_shapes, identities
from .shapes import ATTRIBUTES, BACKGROUNDS, SIDE

SEED = 300
PICTURES = 3000  # of each kind
PEOPLE = 700
BATCH = 64
PLAN = Plan(steps=1500, rate=2e-3, warmup=100)
UNTOLD = -100  # cross_entropy leaves it out

KINDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "shape": ATTRIBUTES,
    "face": {**IDENTITY, "expression": tuple(EXPRESSIONS), "background": tuple(BACKGROUNDS)},
}
POINTS = 10  # five keypoints, x and y, in parts of the side


class Judge(nn.Module):
    """Pictures (n, 3, side, side), 0..1 -> a row of likelihoods for each attribute, and keypoints."""

    def __init__(self, attributes: Mapping[str, tuple[str, ...]], side: int) -> None:
        super().__init__()
        widths = (3, 32, 64, 96, 128)
        steps: list[nn.Module] = []
        for before, after in zip(widths, widths[1:], strict=False):
            steps += [Conv2d(before, after, 5, 2, 2), GroupNorm(8, after), nn.SiLU()]
        self.body = nn.Sequential(*steps, nn.Flatten(), nn.Dropout(0.2))
        self.body.extend([Linear(128 * (side // 16) ** 2, 256), nn.SiLU()])
        self.heads = nn.ModuleDict({name: Linear(256, len(names)) for name, names in attributes.items()})
        self.points = Linear(256, POINTS)

    def forward(self, pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        seen = self.body(pictures * 2 - 1)
        return {name: head(seen) for name, head in self.heads.items()}, self.points(seen)


def truth(drawn: Sequence[Drawn], kind: str) -> dict[str, Tensor]:
    """The number of each picture's value of every attribute; UNTOLD where the picture does not show it."""
    return {
        name: torch.tensor([UNTOLD if each is None else names.index(each) for each in _told(drawn, name)])
        for name, names in KINDS[kind].items()
    }


def _told(drawn: Sequence[Drawn], name: str) -> list[str | None]:
    found: list[str | None] = []
    for each in drawn:
        identity = each.identity
        if name == "hair" and identity and identity.style == "bald" and identity.beard == "no":
            found.append(None)
            continue
        holders: list[Any] = [each.shape, identity, each.pose]
        found.append(next(str(getattr(holder, name)) for holder in holders if hasattr(holder, name)))
    return found


def places(drawn: Sequence[Drawn]) -> Tensor:
    """The keypoints of drawn faces (n, 10), in parts of the side."""
    return torch.stack([torch.from_numpy(keypoints(each.pose)).float().flatten() / SIDE for each in drawn if each.pose])


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a judge is taught with: pictures (n, 3, side, side), 0..1, what each shows, and where the keypoints are."""

    pictures: Tensor
    told: Mapping[str, Tensor]
    points: Tensor | None


def taught(judge: Judge, lesson: Callable[[], Lesson], file: Path) -> Judge:
    """The judge with what it learned, which is kept in `file`."""
    if file.is_file():
        judge.load_state_dict(torch.load(file, weights_only=True)["averaged"])
        return judge.eval()
    given = lesson()

    def loss(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(SEED + step)
        which = torch.randint(len(given.pictures), (BATCH,), generator=generator)
        pictures = given.pictures[which]
        pictures = pictures + 0.02 * torch.randn(pictures.shape, generator=generator)
        told = {name: values[which].to(device()) for name, values in given.told.items()}
        found, placed = judge(pictures.to(device()))
        rows = (F.cross_entropy(row, told[name], ignore_index=UNTOLD) for name, row in found.items())
        total = torch.stack(list(rows)).sum()
        return total if given.points is None else total + 100 * F.mse_loss(placed, given.points[which].to(device()))

    judge.load_state_dict(fit(judge, loss, PLAN, file, file.with_suffix(".log")))
    return judge.eval()


def fitted(kind: str, vae: Any, folder: Path) -> Judge:
    """The judge of a kind, fitted once and kept in `folder`."""
    torch.manual_seed(SEED)
    judge = Judge(KINDS[kind], SIDE)

    def lesson() -> Lesson:
        drawn = draw_shapes(SEED, PICTURES) if kind == "shape" else draw_faces(SEED, PICTURES, identities(SEED, PEOPLE))
        told = {name: values.repeat(2) for name, values in truth(drawn, kind).items()}
        return Lesson(shown(as_images(drawn), vae), told, places(drawn).repeat(2, 1) if kind == "face" else None)

    return taught(judge, lesson, folder / f"judge_{kind}.state")


def shown(clean: Tensor, vae: Any) -> Tensor:
    """Pictures (n, side, side, 3), then the same as the autoencoder redraws them: (2 n, 3, side, side)."""
    with torch.inference_mode():
        redrawn = [vae.decode(vae.encode(part)) for part in clean.split(50)]
    return torch.cat([clean, *(part.clone() for part in redrawn)]).movedim(-1, 1).contiguous()


@torch.no_grad()
def agreement(judge: Judge, pictures: Tensor, told: Mapping[str, Tensor]) -> dict[str, float]:
    """Of pictures (n, side, side, 3): the share of each attribute in which a picture is as told."""
    found, _ = judge(pictures.movedim(-1, 1))
    shares: dict[str, float] = {}
    for name, values in told.items():
        known = values != UNTOLD
        shares[name] = float((found[name].argmax(1) == values)[known].float().mean())
    return shares


@torch.no_grad()
def keypoint_error(judge: Judge, pictures: Tensor, wanted: Tensor) -> float:
    """The mean distance in pixels between the keypoints of pictures (n, side, side, 3) and those wanted (n, 10)."""
    _, placed = judge(pictures.movedim(-1, 1))
    away = (placed - wanted).view(-1, 5, 2).norm(dim=-1)
    return float(away.mean()) * pictures.shape[1]
