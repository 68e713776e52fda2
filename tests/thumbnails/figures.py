"""Node -> the figure of its help page: what goes in, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy
import torch
from pack.attention.reference.noise import noise_picture
from PIL import Image

from .made import Act, drawn, frames, person, pixels
from .paper import Cells, File, Picture, Text, Thumbnail
from .rows import FRONT, LEFT, RIGHT, ROWS, THING, head, out, people, shapes

WEIGHTS = (0.0, 0.5, 1.0, 1.5)
FACTORS = (0.0, 0.5, 0.75, 1.0)
RULES = ("add", "orthogonal", "norm cap")
TINY = 24  # pixels of a face that has no room for its likeness


def weights() -> Thumbnail:
    rows = [(Act("B", weight),) for weight in WEIGHTS]
    named = zip(frames(rows, THING), WEIGHTS, strict=True)
    return Thumbnail([*shapes("B"), Text(THING)], [Picture(each, f"{weight:g}") for each, weight in named], columns=2)


def layers() -> Thumbnail:
    named = {"all": "linear", "style": "9:1", "composition": "7:1"}
    rows = [(Act("C", 1.0, layers),) for layers in named.values()]
    plain, *made = frames([(), *rows], THING)
    shown = [Picture(plain, "none"), *(Picture(each, name) for each, name in zip(made, named, strict=True))]
    return Thumbnail([Picture(drawn("C")), Text(THING)], shown, columns=2)


def chosen() -> Thumbnail:
    group = [Picture(person("P"), "1"), Picture(person("Q"), "2")]
    return Thumbnail(group, [head(LEFT, 1)])


def scaled() -> Thumbnail:
    rows = frames([(Act("B", factor),) for factor in FACTORS], THING)
    shown = [Picture(each, f"x {factor:g}") for each, factor in zip(rows, FACTORS, strict=True)]
    return Thumbnail([*shapes("B"), Text(THING)], shown, columns=2)


def fused() -> Thumbnail:
    plain, *made = frames([(), *((Act("C", 1.0, rule=rule),) for rule in RULES)], THING)
    shown = [Picture(plain, "none"), *(Picture(each, rule) for each, rule in zip(made, RULES, strict=True))]
    return Thumbnail([Picture(drawn("C")), Text(THING)], shown, columns=2)


def noisy() -> Thumbnail:
    picture = torch.from_numpy(pixels("A").copy())[None].float() / 255
    made = (noise_picture(picture, "shuffle", 1.0, 0, 0)[0] * 255).round().byte().numpy()
    return Thumbnail(shapes("A"), [Picture(Image.fromarray(made))])


def refined() -> Thumbnail:
    sharp = person("P")
    small = sharp.resize((TINY, TINY), Image.Resampling.BOX).resize(sharp.size, Image.Resampling.BILINEAR)
    return Thumbnail([Picture(small, "small")], [Picture(sharp, "redrawn")])


def found() -> Thumbnail:
    pair = Image.fromarray(numpy.hstack([numpy.asarray(person(name)) for name in "PQ"]))
    return Thumbnail([Picture(pair)], [Picture(person("P"), "1"), Picture(person("Q"), "2")], columns=2)


def acting() -> Thumbnail:
    """Two references: one in few blocks all the time, one everywhere at first."""
    return Thumbnail(
        shapes("A", "C"),
        [
            Cells([[float(block in (5, 6))] * 12 for block in range(11)]),
            Cells([[max(0.0, 1 - step / 8) for step in range(12)]] * 11),
        ],
    )


FIGURES: Mapping[str, Callable[[], Thumbnail]] = {
    "LikenessApplyIPAdapter": weights,
    "LikenessLayerWeights": layers,
    "LikenessWeightSchedule": ROWS["IP-Adapter 7 animation"],
    "LikenessEncodeReference": lambda: Thumbnail(shapes("A", "B"), [File("what the encoder sees")]),
    "LikenessSaveEmbeds": ROWS["IP-Adapter 8 embeds, save"],
    "LikenessApplyInstantID": ROWS["Face 1 InstantID portrait face swap"],
    "LikenessPoseSheet": ROWS["Face 2 InstantID sheet of poses"],
    "LikenessRegionPrompts": lambda: Thumbnail(
        [Text("1 a red jacket"), Text("2 a straw hat")], [head(RIGHT, 0), head(LEFT, 1)], columns=2
    ),
    "LikenessFaceMasks": lambda: Thumbnail(people("P", "Q"), [head(FRONT, 0), head(FRONT, 1)], columns=2),
    "LikenessChooseFace": chosen,
    "LikenessRenderKeypoints": lambda: Thumbnail(people("P"), [head(FRONT)]),
    "LikenessFaceSimilarity": ROWS["Face likeness, compare two"],
    "LikenessCheckInstallation": lambda: Thumbnail(
        [File("packages"), File("models")], [Text("insightface is there."), Text("! one is hidden: here is the cure")]
    ),
    "LikenessReferenceGuidance": lambda: Thumbnail(
        [*shapes("B"), Text(THING)], [Text("x 0: without it"), Text("x 1: as it is"), Text("x 2: twice as far")]
    ),
    "LikenessReferenceWeights": ROWS["References on FLUX Kontext"],
    "LikenessScaleImageBranch": ROWS["Wan, let go of the first frame"],
    "LikenessApplyIdentityNet": lambda: Thumbnail([head(RIGHT), *people("Q")], [head(RIGHT, 0, "#7a2f2f")]),
    "LikenessCombineEmbeds": lambda: Thumbnail(
        [Picture(drawn("A"), "0.5"), Picture(drawn("C"), "0.5")], out(Act("A", 0.5), Act("C", 0.5))
    ),
    "LikenessCompareMethods": ROWS["Face likeness, which method for whom"],
    "LikenessEmbedFaces": ROWS["Face 7 FaceID, several photos"],
    "LikenessFindFaces": found,
    "LikenessFusion": fused,
    "LikenessJoinFaces": lambda: Thumbnail(
        [Picture(person("P", seed)) for seed in (11, 13, 15)], [File("one list of faces")]
    ),
    "LikenessLoadByPreset": lambda: Thumbnail(
        [Text("plus"), File("SDXL model")], [File("adapter for it"), File("its image encoder")], columns=2
    ),
    "LikenessLoadEmbeds": ROWS["IP-Adapter 9 embeds, load"],
    "LikenessLoadFaceModels": lambda: Thumbnail(
        [File("antelopev2")], [File("detector"), File("recogniser")], columns=2
    ),
    "LikenessLoadFaces": ROWS["Face 9 load faces"],
    "LikenessLoadIPAdapter": lambda: Thumbnail(
        [File("any name .safetensors")], [Text("SD1.5, plus, with its encoder")]
    ),
    "LikenessNoisePicture": noisy,
    "LikenessReduxPicture": lambda: Thumbnail([*shapes("B"), Text(THING)], [File("prompt with a marked picture")]),
    "LikenessRefineFaces": refined,
    "LikenessSaveFaces": ROWS["Face 8 save faces"],
    "LikenessScaleAdapters": scaled,
    "LikenessShowAdapters": acting,
    "LikenessTrainIPAdapter": ROWS["IP-Adapter training"],
    "LikenessTrainInstantID": lambda: Thumbnail(
        people("P", "Q"), [File("your own InstantID"), File("its IdentityNet")], columns=2
    ),
}
