"""A model as the host gives it -> a private copy that can be trained through and that nothing may change."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import comfy.model_management
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.model_patcher import ModelPatcher
from torch import Tensor, autocast, nn

from ..cache import digest
from ..models.families import UNETS
from ..models.unet import ModelLayers, family_of_model, model_layers
from .attending import Attending
from .held import can_hold, hold
from .means import Means, means_for
from .settings import PRECISIONS

_ALL = 10**20  # bytes: more than any device has


@dataclass(frozen=True, eq=False)
class FrozenModel:
    """The base model while an adapter is trained: its copy, its layers, and a hash of the weights it was given.

    `kept` is the hash of the copy's weights as they are; `lean` says that it computes without autocast, `cast_to` what
    its weights are to be cast to for good, `attending` what computes its attention in place of the host's choice.
    """

    patcher: ModelPatcher
    layers: ModelLayers
    unet: UNetModel
    fingerprint: str
    kept: str
    lean: bool = False
    cast_to: torch.dtype | None = None
    attending: Attending | None = None

    @property
    def model(self) -> Any:
        """The host's BaseModel."""
        return self.patcher.model

    @property
    def device(self) -> torch.device:
        return self.patcher.load_device

    @cached_property
    def levels(self) -> Tensor:
        """The noise levels of its own steps, on the CPU."""
        return self.model.model_sampling.sigmas.cpu()

    def denoised(
        self, noisy: Tensor, sigmas: Tensor, options: dict[str, Any], conditions: Mapping[str, Tensor]
    ) -> Tensor:
        """The clean latents (B, C, h, w) that it predicts with these transformer options and conditioning arguments."""
        apart = autocast(self.device.type, enabled=False) if self.lean else nullcontext()
        with apart:
            return self.model.apply_model(noisy, sigmas, transformer_options=options, **conditions)

    def load(self) -> None:
        """Put all of it on its device again."""
        load(self.patcher)

    def check_untouched(self) -> None:
        """Raise RuntimeError when a weight changed."""
        check_untouched(self.kept, self.unet, "the base model")


def frozen(model: ModelPatcher, precision: str, means: Means | None = None) -> FrozenModel:
    """A frozen copy of a model, loaded with its patches, that computes in `precision`.

    A copy, as the host's own trainer makes one: nodes run in inference mode, and weights that were loaded there cannot
    take part in a backward pass. By default `means` are those that serve best on the model's device; where its weights
    are to be cast once, `settled` does so, so that new weights can be taken from the given ones before. Raises
    ValueError for a model without a known layout.
    """
    means = means or means_for(model.load_device)
    found = model_layers(model)
    family_of_model(found, UNETS)
    dtype = PRECISIONS[precision]
    own = _copy_to_hold(model, dtype) if means.held else None
    held = own is not None
    if own is None:
        own = _copy_of(model)
        own.set_model_compute_dtype(dtype)
    own.model.requires_grad_(False).eval()
    unet = own.model.diffusion_model
    load(own)
    # With its patches, such as a LoRA's: they are part of what is trained for.
    given = fingerprint(unet)
    return FrozenModel(
        own, found, unet, given, given, held and means.lean, dtype if held else None, attending_for(means)
    )


def attending_for(means: Means) -> Attending | None:
    """What computes attention by these means; None for what the host draws with."""
    return None if means.attention == "host" else Attending(cudnn=means.attention == "cudnn")


def settled(base: FrozenModel) -> FrozenModel:
    """The same model with its weights cast for good where that was decided; nothing else may hold them by then."""
    if base.cast_to is None:
        return base
    hold(base.patcher, base.cast_to)
    return replace(base, kept=fingerprint(base.unet))


def load(patcher: ModelPatcher) -> None:
    """Put all of a model on its device, as the host's own trainer asks: how much activations take nobody knows before."""
    comfy.model_management.load_models_gpu([patcher], memory_required=_ALL, force_full_load=True)


def _copy_to_hold(model: ModelPatcher, dtype: torch.dtype) -> ModelPatcher | None:
    """A copy whose weights the host neither casts nor moves layer by layer, or None where that is not possible."""
    if model.is_dynamic():
        # Its weights are moved as they are needed, unless a card has ample room for them.
        if model.cached_patcher_init is None:
            return None
        copied = model.clone(disable_dynamic=True, force_deepcopy=True)
    else:
        copied = _copy_of(model)
    return copied if can_hold(copied, dtype, ample=model.is_dynamic()) else None


def _copy_of(model: ModelPatcher) -> ModelPatcher:
    if model.cached_patcher_init is not None:
        return model.clone(force_deepcopy=True)  # the host makes it anew, as the node that loaded it did
    if model.is_dynamic():
        raise ValueError(
            "the connected model was loaded by a node that cannot load it a second time, which training needs. Connect "
            "one from the host's Load Checkpoint or Load Diffusion Model."
        )
    state = (model.backup, model.backup_buffers, model.object_patches_backup, model.pinned)
    # The patcher leads to everything else, and the host's description cannot be copied.
    shared = {id(each): each for each in (model.model.current_patcher, model.model.model_config)}
    return model.clone(model_override=deepcopy((model.model, state), shared))


def fingerprint(module: nn.Module) -> str:
    """A hash of every weight and buffer of a module, in the order of their names."""
    tensors = sorted(module.state_dict().items())
    return digest(*(tensor for _, tensor in tensors))


def check_untouched(before: str, module: nn.Module, what: str) -> None:
    """Raise RuntimeError unless a module still has the weights it had."""
    after = fingerprint(module)
    if after != before:
        raise RuntimeError(f"training changed {what}, which is frozen: {before} became {after}. Nothing was saved.")
