"""The network that tells a face from what is around it: found by its contents, read when it is first used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...attention.files.published import FILES
from . import facexlib

PUBLISHED = FILES["facexlib/parsing_bisenet.pth"]


@dataclass(frozen=True, eq=False)
class FaceParser:
    """The network under the host's memory management; `__call__` is what `face.portrait.only_the_face` asks for."""

    patcher: Any

    def __call__(self, pixels: Tensor) -> Tensor:
        import comfy.model_management

        comfy.model_management.load_models_gpu([self.patcher])
        return self.patcher.model(pixels.to(self.patcher.load_device)).to(pixels.device)


def face_parser() -> FaceParser:
    """The first face parsing network in models/facexlib. Raises ValueError that says which file belongs there."""
    from ...attention.reference.face_parsing import KNOWN_BY, net_of

    path, faults = facexlib.first(lambda shapes: shapes.keys() >= set(KNOWN_BY))
    if path is None:
        raise ValueError(
            f"PuLID sees a face with everything around it white, for which the face parsing network is needed; none is in "
            f"models/{facexlib.CATEGORY}{faults}. Put it there: {PUBLISHED.described()}."
        )
    return FaceParser(facexlib.loaded(path, net_of))
