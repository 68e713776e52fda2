"""What a node recognised -> the few words that the page puts on it as badges."""

from __future__ import annotations

from typing import Any

from ...attention.adapter.adapter import Adapter
from ...attention.reference.encode import describe
from ...face.models import FaceModels
from ...face.recognisers import in_words
from ...face.value import FaceBatch
from ..files.found_encoder import FoundEncoder


def adapter_badges(adapter: Adapter, encoder: Any | None) -> list[str]:
    """Base model, variant, and the image encoder where there is one."""
    words = [adapter.identity.family.label, adapter.identity.variant.label]
    if isinstance(encoder, FoundEncoder):
        words.append(encoder.file.outline.label)
    elif encoder is not None:
        words.append(describe(encoder))
    return words


def face_model_badges(models: FaceModels) -> list[str]:
    """The recogniser, with the pack it comes in, where there is one, and the provider that really runs."""
    recogniser = [in_words(models.recogniser_id)] if models.recogniser_id else []
    return [*recogniser, models.running.removesuffix("ExecutionProvider")]


def faces_badges(found: FaceBatch) -> list[str]:
    """How many faces, and the tries that found them."""
    count = sum(len(entry.faces) for entry in found)
    rungs = dict.fromkeys(str(face.rung) for entry in found for face in entry.faces)
    return ["1 face" if count == 1 else f"{count} faces", *(f"at {rung}" for rung in rungs)]
