"""A folder of models -> the checkpoint to draw with for each base model, known by what is inside."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from attention.files.header import tensors
from attention.models.families import family_of

from .prompts import SIDES

UNET = "model.diffusion_model."
CONTEXT = "attn2.to_k.weight"
FIRST = f"{UNET}input_blocks.0.0.weight"
CHANNELS = 4  # of a latent; an inpainting model reads more
SUFFIXES = (".safetensors", ".ckpt")


def checkpoints_in(folders: Iterable[Path]) -> Mapping[str, str]:
    """By base model the first checkpoint, by the name under which ComfyUI lists it."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES):
            family = family_in(path)
            if family is not None:
                found.setdefault(family, str(path.relative_to(folder)))
    return found


def family_in(path: Path) -> str | None:
    """The base model in a file, of those that examples are for; None for an inpainting model and for other files."""
    try:
        inside = tensors(path)
        widths = [inside[key].shape[1] for key in inside if key.startswith(UNET) and key.endswith(CONTEXT)]
        family = family_of(len(widths))
    except ValueError:
        return None
    fits = set(widths) == {family.text_width} and inside[FIRST].shape[1] == CHANNELS
    return family.name if fits and family.name in SIDES else None
