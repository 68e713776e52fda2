"""A model as the host gives it -> a private copy that can be trained through and that nothing may change."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.model_patcher import ModelPatcher
from torch import nn

from ..cache import digest
from ..models.families import UNETS
from ..models.unet import ModelLayers, family_of_model, model_layers
from .settings import PRECISIONS

_ALL = 10**20  # bytes: more than any device has


@dataclass(frozen=True, eq=False)
class FrozenModel:
    """The base model while an adapter is trained: its copy, its layers, and a hash of its weights."""

    patcher: ModelPatcher
    layers: ModelLayers
    unet: UNetModel
    fingerprint: str

    @property
    def model(self) -> Any:
        """The host's BaseModel."""
        return self.patcher.model

    @property
    def device(self) -> torch.device:
        return self.patcher.load_device

    def load(self) -> None:
        """Put all of it on its device, as the host's own trainer asks: how much activations take nobody knows before."""
        comfy.model_management.load_models_gpu([self.patcher], memory_required=_ALL, force_full_load=True)

    def check_untouched(self) -> None:
        """Raise RuntimeError when a weight changed."""
        check_untouched(self.fingerprint, self.unet, "the base model")


def frozen(model: ModelPatcher, precision: str) -> FrozenModel:
    """A frozen copy of a model that computes in `precision`.

    A copy, as the host's own trainer makes one: nodes run in inference mode, and weights that were loaded there cannot
    take part in a backward pass. Raises ValueError for a model without a known layout.
    """
    found = model_layers(model)
    family_of_model(found, UNETS)
    own = _copy_of(model)
    own.set_model_compute_dtype(PRECISIONS[precision])
    own.model.requires_grad_(False).eval()
    unet = own.model.diffusion_model
    made = FrozenModel(own, found, unet, fingerprint(unet))
    made.load()
    return made


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
