"""InfiniteYou's face recogniser: found by its contents, read when it is first used. It is in no pack of InsightFace's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from weakref import WeakValueDictionary

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
_loaded: WeakValueDictionary[tuple[str, int, int], IRSE50Recogniser] = WeakValueDictionary()


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
    path, faults = _found()
    if path is None:
        raise MissingModel(f"InfiniteYou's face recogniser is not in models/facexlib{faults}. {GET_IT}")
    return models.embedding_by(path, recogniser_of(path, IR_SE50), _load(path))


def _found() -> tuple[Path | None, str]:
    from ...attention.reference.ir_se50 import is_one

    return facexlib.first(is_one)


def _load(path: Path) -> IRSE50Recogniser:
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    recogniser = _loaded.get(key)
    if recogniser is None:
        recogniser = _loaded[key] = IRSE50Recogniser(_patcher(path))
    return recogniser


def _patcher(path: Path) -> Any:
    import comfy.model_management
    import comfy.model_patcher
    import comfy.ops
    import comfy.utils

    from ...attention.reference.ir_se50 import net_of

    weights = cast(dict[str, Tensor], comfy.utils.load_torch_file(str(path), safe_load=True))
    try:
        net = net_of(weights, comfy.ops.manual_cast)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise MissingModel(f"'{path.name}' is damaged or of another network: {reason}") from error
    return comfy.model_patcher.CoreModelPatcher(
        net,
        load_device=comfy.model_management.text_encoder_device(),
        offload_device=comfy.model_management.text_encoder_offload_device(),
    )
