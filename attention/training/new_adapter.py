"""A base model and a variant -> a new adapter for it, with the weights that training begins from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from torch import Tensor, nn

from ..adapter.checkpoint import Checkpoint
from ..adapter.identify import Identity
from ..adapter.module import AdapterModule
from ..adapter.variant import Variant
from ..adapter.variants import VARIANTS
from ..models.families import layers
from ..models.unet import ModelLayers, cross_attention_modules, family_of_model

HEAD_WIDTH = 64  # of a perceiver
BLOCKS = 4  # of a perceiver
WIDEST = 1280  # of a perceiver: SDXL's, narrower than its text; SD1.5's is as wide as its text

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Widths:
    """C of the text and F of the features that a projection reads."""

    context: int
    features: int


def _linear(name: str, out: int, inner: int) -> Shapes:
    return {f"{name}.weight": (out, inner), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _image_projection(widths: Widths, tokens: int = 4) -> Shapes:
    return _linear("proj", tokens * widths.context, widths.features) | _norm("norm", widths.context)


def _resampler(widths: Widths, tokens: int = 16) -> Shapes:
    width = min(WIDEST, widths.context)
    if width % HEAD_WIDTH:
        raise ValueError(f"the width of the text, {width}, is not a multiple of the head width {HEAD_WIDTH}.")
    shapes: Shapes = {
        "latents": (1, tokens, width),
        **_linear("proj_in", width, widths.features),
        **_linear("proj_out", widths.context, width),
        **_norm("norm_out", widths.context),
    }
    for block in range(BLOCKS):
        at = f"layers.{block}"
        shapes |= _norm(f"{at}.0.norm1", width) | _norm(f"{at}.0.norm2", width) | _norm(f"{at}.1.0", width)
        shapes[f"{at}.0.to_q.weight"] = (width, width)
        shapes[f"{at}.0.to_kv.weight"] = (2 * width, width)
        shapes[f"{at}.0.to_out.weight"] = (width, width)
        shapes[f"{at}.1.1.weight"] = (4 * width, width)
        shapes[f"{at}.1.3.weight"] = (width, 4 * width)
    return shapes


TRAINABLE: Mapping[str, Callable[[Widths], Shapes]] = MappingProxyType(
    {"base": _image_projection, "plus": _resampler, "instantid": _resampler}
)
"""Variant -> the shapes of its image projection at the published sizes, for a text and features of any width."""


def variant_named(name: str) -> Variant:
    """The row of a variant that can be trained. Raises ValueError with the names of those that can."""
    if name not in TRAINABLE:
        raise ValueError(f"the variant '{name}' cannot be trained here; {', '.join(TRAINABLE)} can.")
    return next(variant for variant in VARIANTS if variant.name == name)


def outline(base: ModelLayers, variant: str, features: int) -> Checkpoint:
    """A new adapter's names and shapes: its tensors are on the meta device."""
    with torch.device("meta"):
        shapes = TRAINABLE[variant](Widths(base.context_dim, features))
        weights = {
            layer.index: torch.empty(base.shapes[layer.key].width, base.context_dim)
            for layer in layers(family_of_model(base).name)
        }
        projection = {name: torch.empty(shape) for name, shape in shapes.items()}
    return Checkpoint(Path("a new adapter"), 0, projection, weights, dict(weights), {})


def new_module(base: ModelLayers, variant: str, features: int) -> AdapterModule:
    """A new adapter's module in float32, on the default device, with PyTorch's own first weights."""
    return AdapterModule(outline(base, variant, features), identity_of(base, variant), nn)


def identity_of(base: ModelLayers, variant: str) -> Identity:
    """What a new adapter is."""
    return Identity(variant_named(variant), family_of_model(base), "it is made here")


def new_adapter(base: ModelLayers, unet: UNetModel, variant: str, features: int, seed: int) -> AdapterModule:
    """A new adapter whose keys and values begin as the base model's own for text, as the authors' do.

    `features` is F, the width of what the projection reads. The same seed gives the same weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = new_module(base, variant, features)
        latents = getattr(module.projection, "latents", None)
        if latents is not None:
            nn.init.normal_(latents, std=latents.shape[-1] ** -0.5)
    attentions = cross_attention_modules(unet)
    with torch.no_grad():
        for layer in layers(family_of_model(base).name):
            attention = attentions[layer.key]
            for weights, source in ((module.to_k, attention.to_k), (module.to_v, attention.to_v)):
                _weight(weights[str(layer.index)]).copy_(_weight(source).float())
    return module.requires_grad_(True)


def _weight(linear: nn.Module) -> Tensor:
    weight = linear.weight
    if not isinstance(weight, Tensor):
        raise TypeError(f"{type(linear).__name__} has no weight.")
    return weight.detach()


def parameter_count(module: nn.Module) -> int:
    """How many numbers of a module are trained."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
