"""What the world draws: references and people by its program, pictures by its trained models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import comfy.sample
import numpy
import torch
from miniature.portraits.head import Pose as HeadPose
from miniature.portraits.identity import Identity
from miniature.portraits.pictures import any_scene, draw
from miniature.world import adapters, encoder, files, models
from miniature.world.drawing import CFG, STEPS, World, no_picture
from miniature.world.shapes import SIDE, any_shape, draw_shape
from pack.attention.branch.attachment import Attachment
from pack.attention.branch.build import key_values
from pack.attention.branch.fusion import Fusion
from pack.attention.reference.embeds import Embeds
from pack.attention.sampling.attach import attach
from pack.attention.weights.layer_presets import LINEAR, preset
from pack.attention.weights.layer_text import parse
from PIL import Image

from runner.demo.world import cells
from runner.demo.world.prompts import SEED

FRAMES = 6
SHAPES = {
    **cells.SHAPES,
    "C": {"colour": "purple", "texture": "dotted", "shape": "cross", "position": "right", "background": "sand"},
}
DRAWN = 1  # seed of a reference, as on the demonstration's sheet
LARGER = 3  # times the portraits' own size
PEOPLE = {
    "P": Identity(
        **{"skin": "peach", "hair": "auburn", "cut": "curls", "eyes": "green", "beard": "none", "glasses": "round"},
        **{"face": "round", "brow": 1.1, "frown": -0.03, "eye": 1.05, "nose": 0.9, "lips": 1.1, "chin": 0.0},
        freckles=((-0.6, 0.5), (-0.45, 0.62), (-0.75, 0.62), (0.6, 0.5), (0.45, 0.62), (0.75, 0.62)),
    ),
    "Q": Identity(
        **{"skin": "brown", "hair": "black", "cut": "short", "eyes": "dark", "beard": "full", "glasses": "none"},
        **{"face": "square", "brow": 1.4, "frown": 0.02, "eye": 0.95, "nose": 1.2, "lips": 1.2, "chin": 0.05},
        freckles=(),
    ),
}
CLOTHES = {"P": {"ground": "green", "shirt": "navy"}, "Q": {"ground": "sand", "shirt": "red"}}


@dataclass(frozen=True)
class Act:
    """A reference that acts: everywhere or on one side, in all layers or some, away from another or not, by a rule of fusion."""

    reference: str
    weight: float
    layers: str = LINEAR
    side: str = ""
    away: str = ""
    rule: str = "add"


@cache
def pixels(name: str) -> numpy.ndarray:
    return draw_shape(replace(any_shape(numpy.random.default_rng(DRAWN)), **SHAPES[name]))


def drawn(name: str) -> Image.Image:
    """A reference."""
    return Image.fromarray(pixels(name))


def person(name: str, seed: int = 0) -> Image.Image:
    """A person, with the head held as the seed says; 0 is towards the viewer."""
    scene = any_scene(numpy.random.default_rng(seed), "flat drawing")
    pose = scene.pose if seed else HeadPose((48, 54), 20, yaw=8, pitch=0, roll=-4)
    return Image.fromarray(draw(PEOPLE[name], replace(scene, pose=pose, expression="smiling", **CLOTHES[name]), LARGER))


@cache
def world() -> World:
    return World()


@cache
def seen(name: str) -> Embeds:
    """What the image encoder sees in a reference."""
    picture = torch.from_numpy(pixels(name).copy())[None]
    return Embeds(image_embeds=encoder.pooled(_eye(), picture), encoder=adapters.ENCODER)


@cache
def _eye() -> Any:
    return models.clip_vision()


@cache
def _adapter() -> Any:
    return world().adapter(files.IP_ADAPTER)


def made(acts: Sequence[Act], text: str) -> Image.Image:
    """The picture that the model draws with these references; with sides, two squares in one."""
    wide = any(act.side for act in acts)
    model = world().model
    for act in acts:
        if act.weight:
            model = attach(model, _attachment(act))
    sides = [_halves(words) if wide else world().text([words]) for words in (text, "")]
    empty = torch.zeros(1, 4, SIDE // 8, SIDE // 8 * (2 if wide else 1))
    noise = comfy.sample.prepare_noise(empty, SEED)
    latent = comfy.sample.sample(
        model, noise, STEPS, CFG, "euler", "normal", *sides, empty, disable_pbar=True, seed=SEED
    )
    picture = world().vae.decode(latent)[0, ..., :3]
    return Image.fromarray((picture.clamp(0, 1) * 255).round().byte().numpy())


def frames(rows: Sequence[Sequence[Act]], text: str) -> list[Image.Image]:
    """A picture for each row, all from the same noise."""
    return [made(acts, text) for acts in rows]


def _attachment(act: Act) -> Attachment:
    adapter, given = _adapter(), seen(act.reference)
    family = adapter.identity.family.name
    layers = parse(act.layers, family) if ":" in act.layers else preset(act.layers, family)
    return Attachment(
        key_values(adapter, given),
        key_values(adapter, seen(act.away) if act.away else no_picture(given)),
        scale=act.weight,
        layer_scales=layers.by_block,
        attn_mask=_mask(act.side),
        fusion=Fusion(act.rule),
    )


def _mask(side: str) -> torch.Tensor | None:
    if not side:
        return None
    mask = torch.zeros(1, SIDE, 2 * SIDE)
    mask[..., _left(side) : _left(side) + SIDE] = 1.0
    return mask


def _left(side: str) -> int:
    return SIDE if side == "right" else 0


def _halves(words: str) -> list[list[Any]]:
    """The words told of each half by itself: a model that knows one thing in a picture draws one in each."""
    ((told, extra),) = world().text([words])
    areas = [(SIDE // 8, SIDE // 8, 0, _left(side) // 8) for side in ("left", "right")]
    return [[told, {**extra, "area": area, "strength": 1.0, "set_area_to_bounds": False}] for area in areas]
