"""An image encoder found on disk, which the host reads when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast
from weakref import WeakValueDictionary

import comfy.clip_vision
import comfy.utils
from torch import Tensor

from ...attention.catalogue.find_encoder import EncoderFile
from ...attention.files import header
from ...attention.reference import face_tower
from ...attention.reference.encoders import OF_FACES, OF_PICTURES
from ...attention.reference.siglip_head import HEAD, PROBE, give_head, is_siglip

# Two loaders that found the same file share one encoder as long as either lives.
_loaded: WeakValueDictionary[tuple[str, int, int], Any] = WeakValueDictionary()


class FoundEncoder:
    """Takes the place of the host's CLIP vision object: any use of it reads the file and goes to the real one."""

    def __init__(self, file: EncoderFile) -> None:
        self.file = file
        self._model: Any | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copying and the like ask for these before there is an object
            raise AttributeError(name)
        if self._model is None:
            self._model = _load(self.file)
        return getattr(self._model, name)


def _load(file: EncoderFile) -> Any:
    stat = file.path.stat()
    key = (str(file.path), stat.st_size, stat.st_mtime_ns)
    model = _loaded.get(key)
    if model is None:
        model = LOADERS[file.outline.gives](file)
        if model is None:
            raise ValueError(
                f"'{file.name}' in models/clip_vision has the widths of {file.outline.label}, but ComfyUI cannot load "
                "it as an image encoder. Connect another one to 'clip_vision'."
            )
        _loaded[key] = model
    return model


def _with_head(file: EncoderFile) -> Any | None:
    """A SigLIP with the head that the host's loader leaves out; None for every other encoder."""
    if PROBE not in header.tensors(file.path):
        return None
    tensors = cast(dict[str, Tensor], comfy.utils.load_torch_file(str(file.path), safe_load=True))
    head = {key: tensor for key, tensor in tensors.items() if key.startswith(HEAD)}
    model = comfy.clip_vision.load_clipvision_from_sd(tensors)
    if model is not None and is_siglip(model):
        give_head(model, head)
    return model


def _of_pictures(file: EncoderFile) -> Any | None:
    return _with_head(file) or comfy.clip_vision.load(str(file.path))


def _of_faces(file: EncoderFile) -> Any:
    return face_tower.load(str(file.path))


LOADERS: Mapping[tuple[str, str], Callable[[EncoderFile], Any]] = {OF_PICTURES: _of_pictures, OF_FACES: _of_faces}
"""By what an encoder gives; the host knows no tower of EVA02-CLIP's."""
