"""Whether the layers of an adapter are the layers of a model, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from comfy.model_patcher import ModelPatcher

from .families import Family, Layer, LayerShape, layers
from .kinds import KINDS, Kind, kind_with, layers_for_adapters
from .text_projection import TEXT_PROJECTION
from .unet import ModelLayers


@dataclass(frozen=True)
class AdapterLayers:
    """What an adapter was made for: its family, and the sizes of each of its layers by their index in the file.

    One that acts by a net alone has no layers. `token_width` is that of its image tokens.
    """

    name: str
    label: str
    family: Family
    shapes: Mapping[int, LayerShape]
    token_width: int

    @property
    def context_dim(self) -> int:
        """C, what its layers read, or its net."""
        return next((shape.context_dim for shape in self.shapes.values()), self.token_width)

    @property
    def kind(self) -> Kind:
        """The kind of model that it is for."""
        return KINDS[self.family.kind]


def check_fits(adapter: AdapterLayers, model: ModelPatcher) -> None:
    """Raise ValueError, naming both sides, unless every layer of the adapter is a layer of the model."""
    fault = misfit(adapter, layers_for_adapters(model))
    if fault is not None:
        raise ValueError(fault)


def misfit(adapter: AdapterLayers, model: ModelLayers) -> str | None:
    """Why an adapter does not fit a model and what to connect instead; None where it fits."""
    family = adapter.family.label
    connect = f"Connect {'an' if family.startswith('SD') else 'a'} {family} model"
    if not model.shapes:
        return (
            f"'{adapter.name}' is {adapter.label}, which acts in {adapter.kind.within}; the connected model is "
            f"{model.kind} ({model.network}), which has none. {connect}."
        )
    if adapter.family not in model.families:
        layout = model.family.label if model.family else f"{model.kind} ({model.network}), of another layout"
        return (
            f"'{adapter.name}' is {adapter.label}{_counted(adapter)}; the connected model is "
            f"{layout} ({len(model.shapes)} {kind_with(model.shapes).places}). {connect}, or load an adapter made for this "
            "one."
        )
    for layer in layers(adapter.family.name) if adapter.shapes else ():
        made_for, found = adapter.shapes[layer.index], model.shapes[layer.key]
        if made_for.width != found.width:
            return (
                f"'{adapter.name}' has width {made_for.width} in {_place(adapter.kind, layer)}, where the connected model "
                f"({model.kind}, {layer.key[0]} block {layer.key[1]}) has width {found.width}. It was made for another "
                "model."
            )
        if made_for.context_dim != found.context_dim:
            return (
                f"'{adapter.name}' was made for a text encoder of width {made_for.context_dim}; the connected model "
                f"({model.kind}) reads text of width {found.context_dim}. {connect}."
            )
    if adapter.token_width not in (adapter.context_dim, model.projects_text):
        return (
            f"'{adapter.name}' ({adapter.label}) makes image tokens of width {adapter.token_width}, which the model's own "
            f"text projection ({TEXT_PROJECTION}) has to bring to the {adapter.context_dim} that the layers read, as "
            f"Kolors does; the connected model ({model.kind}, {model.network}) {_projects(model.projects_text)}. "
            "Connect the Kolors model."
        )
    return None


def _counted(adapter: AdapterLayers) -> str:
    return f" ({len(adapter.shapes)} {adapter.kind.places})" if adapter.shapes else ""


def _place(kind: Kind, layer: Layer) -> str:
    """A layer as an adapter's file numbers it."""
    return f"layer {layer.index}" if kind.name == "unet" else f"block {layer.transformer}"


def _projects(width: int | None) -> str:
    return f"projects text of width {width}" if width else "has none"
