"""Node -> the figure of its help page: what goes in, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .made import Act, drawn, frames, person
from .paper import File, Picture, Text, Thumbnail
from .rows import FRONT, LEFT, RIGHT, ROWS, THING, head, people, shapes

WEIGHTS = (0.0, 0.5, 1.0, 1.5)


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
    "LikenessReferenceWeights": ROWS["References on FLUX Kontext"],
    "LikenessScaleImageBranch": ROWS["Wan, let go of the first frame"],
}
