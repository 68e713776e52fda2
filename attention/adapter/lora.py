"""Puts the low-rank weights inside a FaceID file onto a model, through the host's own LoRA machinery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import comfy.lora
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..cache import digest
from ..inputs import check_number
from ..models.families import layers
from .adapter import Adapter
from .layouts import is_cross_attention

LORAS = "likeness_loras"
_BLOCKS = {"input": "input_blocks.{}", "middle": "middle_block", "output": "output_blocks.{}"}
_PROJECTIONS = {"q": "to_q", "k": "to_k", "v": "to_v", "out": "to_out.0"}


@dataclass(frozen=True)
class LoraResult:
    """The model with the LoRA, or the same model; `note` says what was done, empty when there is none in the file."""

    model: ModelPatcher
    note: str = ""


def with_lora(model: ModelPatcher, adapter: Adapter, strength: float) -> LoraResult:
    """A clone of `model` with the adapter's LoRA at `strength` (the authors': 1.0), added once for each file.

    W' = W + strength * up @ down in every attention, with no alpha. A model that has it already stays as it
    is; ValueError when it has it at another strength.
    """
    check_number(strength, "lora_strength")
    if not adapter.lora:
        return LoraResult(model)
    present: Mapping[str, float] = dict(model.model_options.get("transformer_options", {}).get(LORAS, ()))
    name = digest(*(adapter.lora[key] for key in sorted(adapter.lora)[:8]))
    if name in present and strength not in (0, present[name]):
        raise ValueError(
            f"the LoRA of '{adapter.name}' is already on this model at strength {present[name]:g}; it cannot be there "
            f"at {strength:g} too. Give every node that uses this file the same lora_strength."
        )
    if name in present:
        return LoraResult(model, f"its LoRA is already on the model at {present[name]:g}")
    if strength == 0:
        return LoraResult(model, "its LoRA is off (lora_strength 0)")
    loaded = comfy.lora.load_lora(*_named(adapter))
    if _has_it(model, loaded):
        return LoraResult(model, "its LoRA is already on the model, loaded from a separate file; not added again")
    patched = model.clone()
    patched.add_patches(loaded, strength)
    patched.model_options.setdefault("transformer_options", {})[LORAS] = (*present.items(), (name, strength))
    return LoraResult(patched, f"its LoRA is on the model at {strength:g}")


def _named(adapter: Adapter) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The LoRA under the names the host reads, and which weight of the model each is for."""
    tensors: dict[str, Tensor] = {}
    targets: dict[str, str] = {}
    table = layers(adapter.identity.family.name)
    for (index, projection, part), tensor in adapter.lora.items():
        side, block, depth = table[index // 2].key
        attention = "attn2" if is_cross_attention(index) else "attn1"
        path = f"{_BLOCKS[side].format(block)}.1.transformer_blocks.{depth}.{attention}"
        target = f"{path}.{_PROJECTIONS[projection]}"
        targets[target] = f"diffusion_model.{target}.weight"
        tensors[f"{target}.lora_{part}.weight"] = tensor
    return tensors, targets


def _has_it(model: ModelPatcher, loaded: Mapping[str, Any]) -> bool:
    """Whether a LoRA with the very same numbers is among the model's patches."""
    key, ours = next(iter(loaded.items()))
    return any(_same(ours, patch[1]) for patch in model.patches.get(key, ()))


def _same(ours: Any, theirs: Any) -> bool:
    pairs = [getattr(lora, "weights", ())[:2] for lora in (ours, theirs)]
    if len(pairs[1]) != 2 or any(a.shape != b.shape for a, b in zip(*pairs, strict=True)):
        return False
    return all(
        torch.allclose(a.float().cpu(), b.float().cpu(), rtol=1e-3, atol=1e-6) for a, b in zip(*pairs, strict=True)
    )
