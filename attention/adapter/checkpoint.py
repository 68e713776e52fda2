"""Opens an adapter file and puts it into the one form that everything else reads."""

from __future__ import annotations

import os
import pickle
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import comfy.utils
import torch
from torch import Tensor

from ..files import header
from ..files.finite import first_not_finite
from ..models.families import LayerShape
from .layer_norms import check_norms
from .layouts import (
    ATTENTION,
    KEY_VALUE,
    LORA,
    NORM,
    PROJECTION,
    cross_attention_beside,
    cross_attention_indices,
    foreign,
    is_cross_attention,
    stands_alone,
)
from .projection import token_width
from .quantised import dequantised
from .spellings import is_leftover, is_second_name, part_of, parted, published, without_wrappers

_DEEPEST = 4  # a wrapped, nested `.bin` has three


@dataclass(frozen=True)
class Checkpoint:
    """An adapter file in canonical form.

    `projection` maps the names of formats below `image_proj` to tensors. `keys` and `values` map the index of
    a layer (1, 3, 5 ...) to `to_k_ip` and `to_v_ip`, each (D, C), and are empty where the projection is all there is;
    `key_biases` and `value_biases` (D) are empty for adapters that have none. `lora` maps (index, "q" | "k" | "v" | "out",
    "down" | "up") to FaceID's low-rank weights and is empty for every other adapter. `norms` maps the index of a layer to
    what it has beside keys and values, by name, and is empty for all but InstantX's for SD3.5.
    """

    path: Path
    size: int  # bytes
    projection: Mapping[str, Tensor]
    keys: Mapping[int, Tensor]
    values: Mapping[int, Tensor]
    lora: Mapping[tuple[int, str, str], Tensor]
    key_biases: Mapping[int, Tensor] = field(default_factory=dict[int, Tensor])
    value_biases: Mapping[int, Tensor] = field(default_factory=dict[int, Tensor])
    norms: Mapping[int, Mapping[str, Tensor]] = field(default_factory=dict[int, Mapping[str, Tensor]])

    @property
    def num_layers(self) -> int:
        return len(self.keys)

    @property
    def context_dim(self) -> int:
        """C, the width that its layers read, or its net where it has none."""
        return next((key.shape[1] for key in self.keys.values()), 0) or self.token_width

    @property
    def token_width(self) -> int:
        """The width of the image tokens as the projection makes them: C, or that of a text which the model projects."""
        return token_width(self.projection_shapes) or next(iter(self.keys.values())).shape[1]

    @property
    def projection_shapes(self) -> Mapping[str, tuple[int, ...]]:
        return {key: tuple(tensor.shape) for key, tensor in self.projection.items()}

    @property
    def layer_shapes(self) -> Mapping[int, LayerShape]:
        """The sizes of its layers by their index."""
        return {index: LayerShape(*weight.shape) for index, weight in self.keys.items()}


def read(path: str | os.PathLike[str]) -> Checkpoint:
    """The adapter in a `.safetensors` or `.bin` file, without ever running code from it.

    What names and shapes can tell is checked before a weight is read, so no file makes the host ask for more memory
    than the file is long. Raises ValueError naming the file and the reason when it is not an adapter this pack
    knows, has weights with NaN or infinity, or changed while it was read.
    """
    file = Path(path)
    with naming(file):
        before = header.state(file)
        outlined = _outlined(file)
        _sorted_into_parts(file, before.st_size, _plain(outlined, before.st_size))
        tensors = parted(dict(_flat(_loaded(file))))
        if _described(tensors) != _described(outlined) or _moment(header.state(file)) != _moment(before):
            raise ValueError("it was changed while it was being read. Run the workflow again.")
        plain = _plain(tensors, before.st_size)
        _check_finite(plain)
        return _sorted_into_parts(file, before.st_size, plain)


def read_outline(path: str | os.PathLike[str]) -> Checkpoint:
    """As `read`, from the names and shapes alone: every tensor is on the meta device, none was read."""
    file = Path(path)
    with naming(file):
        size = header.state(file).st_size
        return _sorted_into_parts(file, size, _plain(_outlined(file), size))


@contextmanager
def naming(file: Path) -> Generator[None]:
    """Puts the name of an adapter's file before what is wrong with it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"'{file.name}' cannot be used as an IP-Adapter: {error}") from error


def _outlined(file: Path) -> Mapping[str, Tensor]:
    return parted(dict(_flat(header.tensors(file))))


def _described(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {key: (tensor.shape, tensor.dtype) for key, tensor in tensors.items()}


def _moment(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_ino, state.st_size, state.st_mtime_ns


def _loaded(file: Path) -> Mapping[str, Any]:
    try:
        return cast(Mapping[str, Any], comfy.utils.load_torch_file(str(file), safe_load=True))
    except (pickle.UnpicklingError, *header.DAMAGED) as error:
        raise header.damaged(error, file) from error


def _flat(tensors: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Tensor]]:
    """Nested dictionaries of a `.bin` as the dotted keys that a `.safetensors` has, without what is no weight."""
    if not isinstance(tensors, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  a pickle can contain anything
        raise ValueError(f"it contains a {type(tensors).__name__}, not named tensors.")
    if depth > _DEEPEST:
        raise ValueError(f"its tensors are nested more than {_DEEPEST} dictionaries deep.")
    for name, value in tensors.items():
        key = f"{prefix}{name}"
        if is_leftover(key):
            continue
        if isinstance(value, Tensor):
            yield key, value
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{key}.", depth + 1)  # pyright: ignore[reportUnknownArgumentType]
        elif part_of(key):
            raise ValueError(f"its entry '{key}' is a {type(value).__name__}, not a tensor.")


def _plain(tensors: Mapping[str, Tensor], size: int) -> dict[str, Tensor]:
    """The adapter's weights under the published keys, as plain numbers."""
    _refuse_foreign([without_wrappers(key) for key in tensors])
    _check_claimed(tensors, size)
    return dequantised(published(tensors))


def _check_finite(tensors: Mapping[str, Tensor]) -> None:
    broken = first_not_finite(tensors.items())
    if broken is not None:
        raise ValueError(f"its weight '{broken}' contains NaN or infinity.")


def _sorted_into_parts(file: Path, size: int, tensors: Mapping[str, Tensor]) -> Checkpoint:
    parts: dict[str, dict[str, Tensor]] = {PROJECTION: {}, ATTENTION: {}}
    for key, tensor in tensors.items():
        _check_weight(key, tensor)
        part, _, rest = key.partition(".")
        parts[part][rest] = tensor
    _check_parts(parts)

    weights: dict[tuple[str, str], dict[int, Tensor]] = {
        (part, leaf): {} for part in ("k", "v") for leaf in ("weight", "bias")
    }
    lora: dict[tuple[int, str, str], Tensor] = {}
    norms: dict[int, dict[str, Tensor]] = {}
    for key, tensor in parts[ATTENTION].items():
        if match := KEY_VALUE.fullmatch(key):
            weights[match[2], match[3]][int(match[1])] = tensor
        elif match := LORA.fullmatch(key):
            lora[int(match[1]), match[2], match[3]] = tensor
        elif match := NORM.fullmatch(key):
            norms.setdefault(int(match[1]), {})[match[2]] = tensor
        else:
            raise ValueError(f"it has an attention weight that no known adapter has: '{key}'.")
    keys, values = weights["k", "weight"], weights["v", "weight"]
    biases = weights["k", "bias"], weights["v", "bias"]
    if parts[ATTENTION]:
        _check_pairs(keys, values)
    _check_biases(keys, *biases)
    _check_lora(lora, keys)
    check_norms(norms, keys)
    return Checkpoint(file, size, parts[PROJECTION], keys, values, lora, *biases, norms)


def _refuse_foreign(keys: Collection[str]) -> None:
    found = foreign(keys)
    if found is not None:
        raise ValueError(
            f"it is {found.what}. Load an IP-Adapter, FaceID or InstantID file for SD1.5 or SDXL, or one of XLabs or InstantX for FLUX.1 or SD3.5 Large, instead."
        )


def _check_claimed(tensors: Mapping[str, Tensor], size: int) -> None:
    """What a header lists is in the file; training files have some weights under two names."""
    for named_again in (False, True):
        listed = [tensor for key, tensor in tensors.items() if is_second_name(key) == named_again]
        claimed = sum(tensor.numel() * tensor.itemsize for tensor in listed)
        if claimed > size:
            raise ValueError(f"its header lists {claimed:,} bytes of weights, but the whole file has only {size:,}.")


def _check_weight(key: str, tensor: Tensor) -> None:
    if not tensor.is_floating_point():
        raise ValueError(
            f"its weight '{key}' is of type {tensor.dtype}; weights are floating point numbers, or fp8 or int8 with a scale "
            "beside them ('weight_scale' or 'scale_weight'). Use the file it was made from."
        )
    if not tensor.ndim:
        raise ValueError(f"its weight '{key}' is a single number, not a tensor with a side.")
    if not tensor.numel():
        raise ValueError(f"its weight '{key}' is empty: its shape is {list(tensor.shape)}.")


def _check_parts(parts: Mapping[str, Mapping[str, Tensor]]) -> None:
    first = [f"{part}.{key}" for part, tensors in parts.items() for key in tensors][:4]
    if not parts[PROJECTION]:
        raise ValueError(f"it has no '{PROJECTION}' part. Its first keys: {first}.")
    shapes = {key: tuple(tensor.shape) for key, tensor in parts[PROJECTION].items()}
    if not parts[ATTENTION] and not stands_alone(shapes):
        raise ValueError(
            f"it has no '{ATTENTION}' part: the weights of its layers are missing. Conversions of a training checkpoint leave "
            "it empty when they look for 'adapter_modules' in a model.safetensors, which has those weights below 'unet' "
            "alone. Put that model.safetensors itself into models/ipadapter: it is read as it is."
        )


def _check_pairs(keys: Mapping[int, Tensor], values: Mapping[int, Tensor]) -> None:
    if not keys or sorted(keys) != cross_attention_indices(len(keys)):
        raise ValueError(f"its attention layers are numbered {sorted(keys)[:4]}..., expected 1, 3, 5 ...")
    if keys.keys() != values.keys():
        raise ValueError("it does not have one to_k_ip and one to_v_ip for every layer.")
    context_dim = keys[1].shape[-1]
    for index, key in keys.items():
        if key.ndim != 2 or key.shape != values[index].shape or key.shape[1] != context_dim:
            raise ValueError(
                f"its layer {index} has to_k_ip {list(key.shape)} and to_v_ip {list(values[index].shape)}; "
                f"both should be [width, {context_dim}]."
            )


def _check_biases(keys: Mapping[int, Tensor], *biases: Mapping[int, Tensor]) -> None:
    """Either no layer has biases, or every one has one for its keys and one for its values."""
    if not any(biases):
        return
    for index, key in keys.items():
        for found in (part.get(index) for part in biases):
            if found is None or found.shape != key.shape[:1]:
                raise ValueError(
                    f"its layer {index} needs a bias of [{key.shape[0]}] for its keys and one for its values, as its other "
                    f"layers have; in the file one is {'absent' if found is None else list(found.shape)}."
                )


def _check_lora(lora: Mapping[tuple[int, str, str], Tensor], keys: Mapping[int, Tensor]) -> None:
    """FaceID's low-rank weights fit the queries, keys, values and outputs of the layers: the host would skip others."""
    for index, part, _ in lora:
        attention = keys.get(cross_attention_beside(index))
        down, up = (lora.get((index, part, half)) for half in ("down", "up"))
        if attention is None or down is None or up is None:
            raise ValueError(
                f"its LoRA for attention {index} ({part}) lacks one of its two halves, or there is no such layer."
            )
        width, context_dim = attention.shape
        reads = context_dim if is_cross_attention(index) and part in "kv" else width
        if (*up.shape, *down.shape) != (width, down.shape[0], down.shape[0], reads):
            raise ValueError(
                f"its LoRA for attention {index} ({part}) is {list(up.shape)} times {list(down.shape)}; the layer needs "
                f"[{width}, r] times [r, {reads}]."
            )


def fingerprint(path: str | os.PathLike[str]) -> str:
    """Changes when a file is replaced: its size and time of change."""
    stat = Path(path).stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"
