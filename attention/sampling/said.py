"""What a run says on the node that applied a branch: where it could not act as it was asked to, and by whose doing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PART = (
    "This run works on parts of the picture (tiles), and where they are cannot be known: the mask was laid over each "
    "part as if it were the whole picture. Remove the mask, or sample without tiles."
)
KEYPOINTS = (
    "This run works on parts of the picture (tiles), and where they are cannot be known: IdentityNet was shown the whole "
    "keypoint picture, and its mask, in each part. Take IdentityNet out of the conditionings of the tiles, or sample "
    "without tiles."
)
SEVERAL = (
    "This node samples several times, and the mask is laid over each picture that it samples as if it were the whole one. "
    "If they are tiles or crops of a larger picture, remove the mask there, or sample the picture whole."
)
PICTURES = (
    "A call of the model held a number of pictures that does not fit this run's batch, so which picture got which "
    "reference, mask or weight is a guess. Sample without the pack that splits or adds pictures."
)

NO_PICTURE = (
    "The model was shown no picture in this run (the conditioning has no CLIP vision output), and ComfyUI then lets the "
    "image branch read the text. Connect clip_vision_output of the node that makes the conditioning, or set weight to 0, "
    "which is the model without its image branch."
)

CACHED = (
    "Flux KV Cache is on this model: it keeps the keys and values of the references from step to step and takes their tokens "
    "out of the call, so that they cannot be weighed. Remove Flux KV Cache, or Reference Weights."
)


NOISE_LEVELS = (
    "A call of the model held pictures at several noise levels, and what this adapter reads of its reference depends on the "
    "noise level: the reference was left out there. Sample all pictures of a batch by the same steps."
)


def other_tokens(queries: int, keys: int, expected: int) -> str:
    """An attention had other tokens than text, canvas and references."""
    found = f"{queries}" if queries == keys else f"{queries} queries and {keys} keys"
    return (
        f"An attention of the model had {found} where text, canvas and references are {expected}: which of them are the "
        "references cannot be known, so they count there as if their weight were 1. Remove the node that adds or "
        "takes away tokens."
    )


def other_attention(name: str) -> str:
    """Another attention was used where references are weighed."""
    return (
        f"The references are weighed with PyTorch's attention: {name} may not take the head width that this needs. All "
        "else runs as before."
    )


def nothing_to_weigh(title: str) -> str:
    """No conditioning of a run had a reference of a number."""
    node = "Redux Picture" if title.startswith("Redux") else "Set Reference Latent"
    return (
        f"No prompt of this run has {title}: nothing was weighed. References are counted in the order in which they were "
        f"added ({node})."
    )


def one_picture(tokens: int) -> str:
    """Start and end were told apart, but the model was not shown two pictures."""
    return (
        f"start_image_weight and end_image_weight did nothing: the model was shown {tokens} tokens of pictures, where a start "
        "and an end picture have 514. Connect both to WanFirstLastFrameToVideo, as clip_vision_start_image and "
        "clip_vision_end_image."
    )


def left_out(found: int, expected: int, pack: str | None) -> str:
    """A layer had other rows or queries than the host gives it, in no way that is known."""
    rows = f"made {found} rows of {expected}" if found else f"ran the {expected} rows of a call in parts"
    return (
        f"{_by(pack)} {rows} in a cross-attention in a way that is not known: the reference was left out there. Remove "
        "that pack's node from this model to have the reference in every layer."
    )


def never_acted(was_called: bool, packs: tuple[str, ...]) -> str:
    """A whole run in which a branch should have acted and acted in no layer."""
    where = (
        "no cross-attention asked for it"
        if was_called
        else "the model was not run in the way ComfyUI's samplers run it"
    )
    who = f" On this model there are also patches of {', '.join(packs)}." if packs else ""
    return (
        f"The reference did nothing in this run: {where}. Another pack runs the model's layers by itself.{who} Remove "
        "its node from this model, or do without the reference."
    )


def pack_of(part: Any) -> str | None:
    """The folder in custom_nodes that a function or object of another pack comes from."""
    function = getattr(part, "__func__", part)
    code = getattr(function, "__code__", None) or getattr(vars(type(part)).get("__call__"), "__code__", None)
    folders = Path(code.co_filename).parts if code else ()
    if "custom_nodes" in folders[:-1]:
        name = folders[folders.index("custom_nodes") + 1]
        return None if name == _OWN else name.removesuffix(".py")
    return None


_OWN = Path(__file__).parents[2].name


def packs_around(model_options: Mapping[str, Any], model: Any) -> tuple[str, ...]:
    """The packs that have wrapped or replaced parts of a model, in the order of their names."""
    options = model_options.get("transformer_options", {})
    wrappers = [w for kinds in options.get("wrappers", {}).values() for each in kinds.values() for w in each]
    replaced = [p for layers in options.get("patches_replace", {}).values() for p in layers.values()]
    parts = (model_options.get("model_function_wrapper"), *wrappers, *replaced, *model.object_patches.values())
    return tuple(sorted({name for name in map(pack_of, parts) if name}))


def _by(pack: str | None) -> str:
    return f"{pack} has" if pack else "Another pack has"
