"""The network that tells a face from what is around it: found by its contents, read when it is first used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from weakref import WeakValueDictionary

from torch import Tensor

from ...attention.files.published import FILES
from . import facexlib

PUBLISHED = FILES["facexlib/parsing_bisenet.pth"]
_loaded: WeakValueDictionary[tuple[str, int, int], FaceParser] = WeakValueDictionary()


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
    from ...attention.reference.face_parsing import KNOWN_BY

    path, faults = facexlib.first(lambda shapes: shapes.keys() >= set(KNOWN_BY))
    if path is None:
        raise ValueError(
            f"PuLID sees a face with everything around it white, for which the face parsing network is needed; none is in "
            f"models/{facexlib.CATEGORY}{faults}. Put it there: {PUBLISHED.described()}."
        )
    return _load(path)


def _load(path: Path) -> FaceParser:
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    parser = _loaded.get(key)
    if parser is None:
        parser = _loaded[key] = FaceParser(_patcher(path))
    return parser


def _patcher(path: Path) -> Any:
    import comfy.model_management
    import comfy.model_patcher
    import comfy.ops
    import comfy.utils

    from ...attention.reference.face_parsing import net_of

    weights = cast(dict[str, Tensor], comfy.utils.load_torch_file(str(path), safe_load=True))
    try:
        net = net_of(weights, comfy.ops.manual_cast)
    except RuntimeError as error:
        raise ValueError(f"is damaged or of another network: {str(error).splitlines()[-1].strip()}") from error
    return comfy.model_patcher.CoreModelPatcher(
        net,
        load_device=comfy.model_management.text_encoder_device(),
        offload_device=comfy.model_management.text_encoder_offload_device(),
    )
