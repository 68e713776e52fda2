"""Brings the keys of an adapter's file, as training scripts and conversions leave them, to those of the published files.

What the authors' training scripts save is the whole of what they trained: the UNet, its processors under diffusers'
names, the projection, the processors once more as a list, all of it below `module.` where several GPUs were used.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from torch import Tensor

from .layouts import ATTENTION, PROJECTION
from .quantised import BESIDE, MARK, SCALES

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "image_proj": PROJECTION,  # as published by h94 and InstantX
        "image_proj_model": PROJECTION,  # the training scripts
        "ip_adapter_proj_model": PROJECTION,  # XLabs
        "id_adapter": PROJECTION,  # PuLID's authors
        "ip_adapter": ATTENTION,
        "adapter_modules": ATTENTION,  # the training scripts, Kolors' FaceID and conversions by others
    }
)
"""How files call a part of an adapter -> how the published ones do."""

UNET = "unet"
"""The part of a training checkpoint that has the base model's own weights, and in it the processors."""

LEFTOVERS = frozenset(
    [
        "optimizer",
        "optimizers",
        "optimizer_states",
        "lr_scheduler",
        "lr_schedulers",
        "scheduler",
        "scaler",
        "grad_scaler",
        "random_states",
        "rng_state",
        "rng_states",
        "config",
        "args",
        "hparams",
        "hyper_parameters",
        "callbacks",
        "loops",
    ]
)
"""What training scripts keep beside the weights to go on later: nothing of it is the adapter."""

_WRAPPERS = re.compile(r"^(?:(?:module|_orig_mod)\.)+")
_PROCESSOR = re.compile(
    r"^(?:(?:unet|ip_adapter|adapter_modules)\.)?(?P<side>down|up|mid)_blocks?\.(?:(?P<block>\d+)\.)?"
    r"attentions\.(?P<attention>\d+)\.transformer_blocks\.(?P<depth>\d+)\.attn(?P<which>[12])\.(?:processor\.)?"
    r"(?P<weight>to_[kv]_ip|to_(?:q|k|v|out)_lora\.(?:down|up))(?:\.0)?\.(?P<leaf>weight"
    rf"|{'|'.join((*SCALES, *BESIDE))})$"
)
_XLABS = re.compile(
    r"^double_blocks\.(?P<block>\d+)\.processor\.ip_adapter_double_stream_(?P<part>[kv])_proj\.(?P<leaf>\w+)$"
)
_COUNTED = re.compile(rf"^{ATTENTION}\.(?P<block>\d+)\.(?P<rest>(?:to_[kv]_ip|norm_(?:ip|q|k|ip_k))\..+)$")
_FIRST = f"{ATTENTION}.0.to_k_ip.weight"
"""A key of files that number cross-attentions alone, as InstantX's for FLUX and SD3.5; all others count self-attentions too."""
_ALONE = frozenset({"latents", "proj_in.weight", "proj_out.weight"})
"""Weights of a resampler by their own names."""
_PULID = re.compile(r"^id_adapter_attn_layers\.(?P<index>\d+)\.id_to_(?P<part>[kv])\.(?P<leaf>\w+)$")
_SIDES = ("down", "up", "mid")  # the order of diffusers' `attn_processors`, in which the published files count

_Place = tuple[int, int, int, int]
"""Side, block, attention and depth of one block of diffusers' UNet."""


def without_wrappers(key: str) -> str:
    """A key without what running on several GPUs or compiling put before it."""
    return _WRAPPERS.sub("", key)


def is_leftover(key: str) -> bool:
    """Whether an entry at the top of a file is what a training script needs to go on, and no weight."""
    return without_wrappers(key) in LEFTOVERS


def is_second_name(key: str) -> bool:
    """Whether training files have the weight of this key under another name too."""
    key = without_wrappers(key)
    return key.startswith(f"{UNET}.") and _PROCESSOR.match(key) is not None


def part_of(key: str) -> str | None:
    """The part of an adapter that a key belongs to; None for one that belongs to neither."""
    key = without_wrappers(key)
    if any(pattern.match(key) for pattern in (_PROCESSOR, _XLABS, _PULID)):
        return ATTENTION
    return PARTS.get(key.partition(".")[0])


def parted(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A file's tensors, a projection that is all of it as a part: the host opens a pickle of one part as what is in it."""
    if not tensors.keys() >= _ALONE:
        return dict(tensors)
    return {f"{PROJECTION}.{key}": tensor for key, tensor in tensors.items()}


def published(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The adapter's weights under the keys of h94's published files, `image_proj.*` and `ip_adapter.*`.

    A training checkpoint's base model and its counters are left out. Raises ValueError for a key that belongs to no
    adapter, and where two keys name the same weight.
    """
    plain = _numbered({without_wrappers(key): tensor for key, tensor in tensors.items()})
    index = _indices(plain)
    found: dict[str, Tensor] = {}
    for key, name in _named(plain, index):
        if name in found:
            raise ValueError(f"it has the weight '{name}' twice, once as '{key}'.")
        found[name] = plain[key]
    return found


def _numbered(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The same, blocks that are numbered 0, 1, 2 ... with the indices 1, 3, 5 ..."""
    if _FIRST not in tensors:
        return tensors
    places = ((key, _COUNTED.match(key), tensor) for key, tensor in tensors.items())
    return {
        f"{ATTENTION}.{2 * int(place['block']) + 1}.{place['rest']}" if place else key: tensor
        for key, place, tensor in places
    }


def _named(tensors: Mapping[str, Tensor], index: Mapping[_Place, int]) -> Iterator[tuple[str, str]]:
    """Pairs (key, published name) of the adapter's own weights."""
    listed = any(key.startswith("adapter_modules.") and not _PROCESSOR.match(key) for key in tensors)
    for key, tensor in tensors.items():
        prefix, _, rest = key.partition(".")
        if match := _PROCESSOR.match(key):
            # Where the processors are also there as a list, both are the same weights.
            if not (listed and prefix == UNET):
                place = 2 * index[_place(match)] + int(match["which"]) - 1
                yield key, f"{ATTENTION}.{place}.{match['weight']}.{match['leaf']}"
        elif match := _XLABS.match(key):
            yield key, f"{ATTENTION}.{2 * int(match['block']) + 1}.to_{match['part']}_ip.{match['leaf']}"
        elif match := _PULID.match(key):
            yield key, f"{ATTENTION}.{match['index']}.to_{match['part']}_ip.{match['leaf']}"
        elif prefix in PARTS:
            yield key, f"{PARTS[prefix]}.{rest}"
        elif not _is_beside(key, tensor):
            raise ValueError(f"it has a key that no known adapter has: '{key}'.")


def _is_beside(key: str, tensor: Tensor) -> bool:
    """Whether a weight is what training files have beside the adapter: the base model, or a counter."""
    return tensor.numel() == 1 or key == MARK or (key.startswith(f"{UNET}.") and ".processor." not in key)


def _indices(keys: Collection[str]) -> dict[_Place, int]:
    """The number of each block that has processors here, in the order in which the published files count."""
    places = {_place(match) for match in map(_PROCESSOR.match, keys) if match}
    return {place: i for i, place in enumerate(sorted(places))}


def _place(match: re.Match[str]) -> _Place:
    return (
        _SIDES.index(match["side"]),
        int(match["block"] or 0),
        int(match["attention"]),
        int(match["depth"]),
    )
