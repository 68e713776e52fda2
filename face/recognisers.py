"""A face recogniser's file -> whose embeddings it makes: by its bytes where they are published, else by its build."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESNET100, RESNET50, MOBILEFACENET = "ResNet100", "ResNet50", "MobileFaceNet"
AURAFACE = "AuraFace"
IR_SE50 = "IR-SE50"
"""A torch network and in none of InsightFace's packs: InfiniteYou's, published by facexlib."""

PACK_OF = {RESNET100: "antelopev2", RESNET50: "buffalo_l", MOBILEFACENET: "buffalo_s"}
"""Recogniser -> the pack it is published in."""

CONDITIONING = (RESNET100, RESNET50)
"""What published adapters were trained with."""

PUBLISHED = {
    "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf": RESNET100,
    "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43": RESNET50,
    "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f": MOBILEFACENET,
    "a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60": AURAFACE,
    "a035c768259b98ab1ce0e646312f48b9e1e218197a0f80ac6765e88f8b6ddf28": IR_SE50,
}
"""sha256 of a file -> recogniser: glintr100.onnx (antelopev2), w600k_r50.onnx, w600k_mbf.onnx, AuraFace's glintr100.onnx,
recognition_arcface_ir_se50.pth."""

BUILDS = {(103, 0): RESNET100, (53, 0): RESNET50, (49, 16): MOBILEFACENET}
"""(convolutions, of these depthwise) -> build, which many trainings share.

IResNet: stem 1, shortcuts 4, two for each block, of which there are 3+13+30+3 or 3+4+14+3
(insightface, arcface_torch/backbones/iresnet.py). MobileFaceNet: counted in w600k_mbf.onnx.
"""

UNKNOWN = "of unknown training"


def recogniser_of(path: Path, build: str) -> str:
    """The id that embeddings of a file carry; two files of unknown training never share one.

    `build` describes what is not published.
    """
    content = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            content.update(part)
    digest = content.hexdigest()
    return PUBLISHED.get(digest) or f"{build} {UNKNOWN} ({digest[:8]})"


def build_of(nodes: Sequence[Any]) -> str:
    """What kind of network a graph is, by how many convolutions it has; 'network' where that tells nothing."""
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    depthwise = sum(any(a.name == "group" and a.i > 1 for a in node.attribute) for node in convolutions)
    return BUILDS.get((len(convolutions), depthwise), "network")


def is_unknown(recogniser: str) -> bool:
    return UNKNOWN in recogniser


def foreign(recogniser: str) -> list[str]:
    """What a user should read about a recogniser that no published adapter was trained with: a note, or none."""
    if recogniser in CONDITIONING:
        return []
    packs = " nor ".join(PACK_OF[name] for name in CONDITIONING)
    return [
        f"{in_words(recogniser)} is neither {packs}: published FaceID, InstantID and PuLID adapters would show another person. It is "
        "for comparing faces, and for adapters that you train with it."
    ]


def remedy(recogniser: str) -> str:
    """What to do to embed faces with a recogniser."""
    if recogniser == IR_SE50:
        return f"Set 'recogniser' on Load Face Models to {IR_SE50}"
    return f"Load the pack {PACK_OF.get(recogniser, recogniser)}"


def in_words(recogniser: str) -> str:
    """The id, with the pack it comes in where it is published in one."""
    pack = PACK_OF.get(recogniser)
    return f"{recogniser} ({pack})" if pack else recogniser
