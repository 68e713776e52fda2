"""A run and the keypoint pictures of its IdentityNets -> an error where a picture has another shape than the run's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP, add_wrapper_with_key, get_wrappers_with_key
from torch import Tensor

from .net import IdentityNet

log = logging.getLogger(__name__)

TOLERANCE = 0.03
"""The part of a side that may be cut off: sizes are rounded to multiples of 8 or 64 on the way."""
_KEY = "likeness_hint_size"


def checking_hints(model: ModelPatcher) -> ModelPatcher:
    """A clone of `model` whose runs compare the shape of keypoint pictures with that of the picture being made.

    The host cuts a hint of another shape to the middle without a word, and so points away.
    """
    checked = model.clone()
    kind = WrappersMP.SAMPLER_SAMPLE
    if not get_wrappers_with_key(kind, _KEY, checked.model_options, is_model_options=True):
        add_wrapper_with_key(kind, _KEY, _sample, checked.model_options, is_model_options=True)
    return checked


def cutting_hints(model: ModelPatcher) -> ModelPatcher:
    """A clone of `model` whose runs let the host cut keypoint pictures to the middle, and say so in the log.

    It holds for whatever `checking_hints` makes of the clone.
    """
    cut = model.clone()
    found: Any = cut.model_options.setdefault("transformer_options", {}).setdefault("wrappers", {})
    found.setdefault(WrappersMP.SAMPLER_SAMPLE, {})[_KEY] = [_sample_cutting]
    return cut


def _sample_cutting(executor: Callable[..., Tensor], guider: Any, *rest: Any) -> Tensor:
    noise: Tensor = rest[3]
    for said in dict.fromkeys(_faults(guider, noise)):
        log.warning("likeness: %s", said)
    return executor(guider, *rest)


def _faults(guider: Any, noise: Tensor) -> Iterator[str]:
    for net in identitynets(guider.conds):
        try:
            check_hint(net, (noise.shape[-2], noise.shape[-1]))
        except ValueError as error:
            yield str(error)


def _sample(
    executor: Callable[..., Tensor],
    guider: Any,
    sigmas: Tensor,
    extra_args: dict[str, Any],
    callback: Any,
    noise: Tensor,
    *rest: Any,
) -> Tensor:
    for net in identitynets(guider.conds):
        check_hint(net, (noise.shape[-2], noise.shape[-1]))
    return executor(guider, sigmas, extra_args, callback, noise, *rest)


def identitynets(conds: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[IdentityNet]:
    """Every IdentityNet in the chains of a guider's conditionings."""
    for entries in conds.values():
        for entry in entries or ():
            net: Any = entry.get("control")
            while net is not None:
                if isinstance(net, IdentityNet):
                    yield net
                net = net.previous_controlnet


def check_hint(net: IdentityNet, latent: tuple[int, int]) -> None:
    """Raise ValueError, naming both sizes, unless the keypoint picture has the shape of a latent (height, width)."""
    hint: Tensor | None = net.cond_hint_original
    if hint is None or not hint.any():  # there is nothing on a black one that could be cut off
        return
    cell = net.pixels_per_cell
    check_shape((hint.shape[-1], hint.shape[-2]), (latent[1] * cell, latent[0] * cell))


def check_shape(given: tuple[int, int], wanted: tuple[int, int]) -> None:
    """Raise ValueError unless a keypoint picture has the shape of the picture to make, both (width, height) in pixels."""
    aspects = sorted((given[0] / given[1], wanted[0] / wanted[1]))
    if aspects[0] < (1 - TOLERANCE) * aspects[1]:
        raise ValueError(
            f"the keypoint picture is {given[0]}x{given[1]}, but the picture being made is {wanted[0]}x{wanted[1]}: its "
            "sides would be cut off, and the points with them. Set that size in Render Keypoints; if Apply InstantID "
            "draws the keypoints itself, connect the latent that you sample to its 'latent'."
        )
