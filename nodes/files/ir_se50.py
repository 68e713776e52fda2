"""InfiniteYou's face recogniser: found by its contents, read when it is first used. It is in no pack of InsightFace's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...face.errors import MissingModel
from ...face.models import FaceModels
from ...face.recognisers import IR_SE50, recogniser_of
from ...face.value import Array, Pixels
from . import facexlib

GET_IT = (
    "Get recognition_arcface_ir_se50.pth (175 MB) from its publisher, "
    "https://github.com/xinntao/facexlib/releases/tag/v0.1.0, and put it into models/facexlib. It is not offered for "
    "download here, for nobody states its licence."
)


@dataclass(frozen=True, eq=False)
class IRSE50Recogniser:
    """The network under the host's memory management, as face models hold a recogniser."""

    patcher: Any

    def get_feat(self, imgs: Pixels) -> Array:
        """An aligned BGR crop of 112 pixels -> (1, 512), before it is brought to length 1."""
        import comfy.model_management

        comfy.model_management.load_models_gpu([self.patcher])
        pixels = torch.from_numpy(imgs).to(self.patcher.load_device).movedim(-1, 0)[None].float() / 255
        with torch.no_grad():
            found: Tensor = self.patcher.model(2 * pixels - 1)
        return found.cpu().numpy()


def recogniser_file() -> Path | None:
    """The first such file in models/facexlib."""
    return _found()[0]


def with_ir_se50(models: FaceModels) -> FaceModels:
    """Face models whose faces are embedded by it. Raises MissingModel that says which file belongs where."""
    from ...attention.reference.ir_se50 import net_of

    path, faults = _found()
    if path is None:
        raise MissingModel(f"InfiniteYou's face recogniser is not in models/facexlib{faults}. {GET_IT}")
    return models.embedding_by(path, recogniser_of(path, IR_SE50), IRSE50Recogniser(facexlib.loaded(path, net_of)))


def _found() -> tuple[Path | None, str]:
    from ...attention.reference.ir_se50 import is_one

    return facexlib.first(is_one)
