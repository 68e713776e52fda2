"""Whether the layers of an adapter are the layers of a model, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from comfy.model_patcher import ModelPatcher

from .families import Family, LayerShape, layers
from .text_projection import TEXT_PROJECTION
from .unet import ModelLayers, model_layers


@dataclass(frozen=True)
class AdapterLayers:
    """What an adapter was made for: its family, and the sizes of each of its layers by their index in the file.

    `token_width` is that of its image tokens.
    """

    name: str
    label: str
    family: Family
    shapes: Mapping[int, LayerShape]
    token_width: int

    @property
    def context_dim(self) -> int:
        """C, what its layers read."""
        return next(iter(self.shapes.values())).context_dim


def check_fits(adapter: AdapterLayers, model: ModelPatcher) -> None:
    """Raise ValueError, naming both sides, unless every layer of the adapter is a layer of the model."""
    fault = misfit(adapter, model_layers(model))
    if fault is not None:
        raise ValueError(fault)


def misfit(adapter: AdapterLayers, model: ModelLayers) -> str | None:
    """Why an adapter does not fit a model and what to connect instead; None where it fits."""
    family = adapter.family.label
    if not model.shapes:
        return (
            f"'{adapter.name}' is {adapter.label}, which acts in the cross-attention of a UNet; the connected model "
            f"is {model.kind} ({model.network}), which has none. Connect an {family} model."
        )
    if model.family != adapter.family:
        layout = model.family.label if model.family else "of another layout"
        return (
            f"'{adapter.name}' is {adapter.label} ({len(adapter.shapes)} cross-attentions); the connected model is "
            f"{layout} ({len(model.shapes)} cross-attentions). Connect an {family} model, or load an adapter made for "
            "this one."
        )
    for layer in layers(adapter.family.name):
        made_for, found = adapter.shapes[layer.index], model.shapes[layer.key]
        if made_for.width != found.width:
            return (
                f"'{adapter.name}' has width {made_for.width} in layer {layer.index}, where the connected model "
                f"({model.kind}, {layer.key[0]} block {layer.key[1]}) has width {found.width}. It was made for another "
                "model."
            )
        if made_for.context_dim != found.context_dim:
            return (
                f"'{adapter.name}' was made for a text encoder of width {made_for.context_dim}; the connected model "
                f"({model.kind}) reads text of width {found.context_dim}. Connect an {family} model."
            )
    if adapter.token_width not in (adapter.context_dim, model.projects_text):
        return (
            f"'{adapter.name}' ({adapter.label}) makes image tokens of width {adapter.token_width}, which the model's own "
            f"text projection ({TEXT_PROJECTION}) has to bring to the {adapter.context_dim} that the layers read, as "
            f"Kolors does; the connected model ({model.kind}, {model.network}) {_projects(model.projects_text)}. "
            "Connect the Kolors model."
        )
    return None


def _projects(width: int | None) -> str:
    return f"projects text of width {width}" if width else "has none"
