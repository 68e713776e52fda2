"""The node that picks an installed adapter and its encoder by what they are wanted for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io

from ...attention.adapter.variants import variant_named
from ...attention.catalogue.presets import PURPOSES, Preset, presets_for
from ...attention.models.families import FAMILIES, Family
from ...face.recognisers import IR_SE50
from .. import wires
from ..files import installed
from ..page.description import described
from ..page.notice import for_page, noted
from ..page.sliders import STRENGTH

if TYPE_CHECKING:
    from ...attention.catalogue.choose import Choice
    from ...attention.files.published import File
    from ...attention.models.unet import ModelLayers


class LoadByPreset(io.ComfyNode):
    """Picks an adapter and its image encoder for a model by purpose, from what is installed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessLoadByPreset",
            display_name="Load by Preset",
            category="likeness/loaders",
            description=described(cls),
            search_aliases=["ipadapter unified loader", "ipadapter", "faceid", "instantid", "preset", "load adapter"],
            inputs=[
                io.Model.Input("model", tooltip="The model to find an adapter for. It is inspected, not changed."),
                io.Combo.Input(
                    "preset",
                    options=list(PURPOSES),
                    default="standard",
                    tooltip="What the adapter is for. light leaves the text more room, standard and plus follow the "
                    "reference more and more closely, plus face, full face and FaceID keep a face, FaceID portrait "
                    "several faces of one person, PuLID a face with as little change of the rest as can be, composition keeps only "
                    "the layout. Files that are missing have a button on the node: ComfyUI's own dialog knows only files that "
                    "a node names.",
                ),
                io.Float.Input(
                    "lora_strength",
                    optional=True,
                    default=1.0,
                    min=-2.0,
                    max=2.0,
                    step=0.01,
                    extra_dict=STRENGTH,
                    advanced=True,
                    tooltip="Strength of the LoRA inside FaceID files. 1 is the authors' value; other adapters have "
                    "none.",
                ),
            ],
            outputs=[wires.AdapterWire.Output("adapter", tooltip="The adapter with its encoder, where one was found.")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> str:
        return installed.listing()

    @classmethod
    def execute(cls, model: ModelPatcher, preset: str, lora_strength: float = 1.0) -> io.NodeOutput:
        from ...attention.adapter import checkpoint
        from ...attention.adapter.adapter import Adapter
        from ...attention.catalogue.choose import choose
        from ...attention.models.fits import misfit
        from ...attention.models.kinds import layers_for_adapters
        from ...attention.models.unet import family_of_model
        from ..page.badges import adapter_badges

        layers = layers_for_adapters(model)
        family_of_model(layers)  # refuses models that no adapter fits
        row = _row(preset, layers.families)
        found, refused = installed.adapters()
        choice = choose(row, found, lambda file: misfit(file.layers, layers) is None)
        if choice is None:
            raise ValueError(_missing(row, layers, refused))
        adapter = Adapter(checkpoint.read(choice.file.path), choice.kind)
        loaded = wires.LoadedAdapter(adapter, installed.encoder_for(adapter), lora_strength)
        output = noted(cls, _summary(row, choice, loaded), loaded)
        return for_page(output, badges=adapter_badges(adapter, loaded.clip_vision))


def _row(purpose: str, families: Sequence[Family]) -> Preset:
    """The row of a purpose for one of a model's families."""
    rows, names = presets_for(purpose), {each.name for each in families}
    for name in names & rows.keys():
        return rows[name]
    label = families[0].label
    published_for = " and ".join(_told_from(label, FAMILIES[name]) for name in rows)
    others = [f"'{other}'" for other in PURPOSES if names & presets_for(other).keys()]
    instead = (
        f"For {label} choose one of: {', '.join(others)}."
        if others
        else f"No adapters are published for {label}: train one with Train IP-Adapter and open it with Load IP-Adapter."
    )
    raise ValueError(
        f"'{purpose}' is published for {published_for or 'no model'}, but the connected model is {label}. {instead}"
    )


def _told_from(label: str, family: Family) -> str:
    """A family in words, also where the model is of another one with the same label."""
    return f"{label} with {family.num_layers} blocks" if family.label == label else family.label


def _missing(row: Preset, layers: ModelLayers, refused: list[str]) -> str:
    family = FAMILIES[row.family]
    label, published = family.label, family.text_width
    lines = [f"No installed adapter serves '{row.purpose}' for {label}."]
    if layers.context_dim != published:
        lines.append(
            f"The connected model has the layout of {label} but reads text of width {layers.context_dim}, and the "
            f"published adapters were made for {published}: none of them fits."
        )
    elif variant_named(row.variant).beside_text and layers.projects_text is None:
        lines.append(
            "Its adapters are for the Kolors model, whose network projects its text; the connected model "
            f"({layers.kind}, {layers.network}) does not. Connect the Kolors model."
        )
    else:
        lines.append(f"Get {row.files[0].described()}. The Download button on the node fetches it.")
    if refused:
        lines.append(f"Not adapters: {' '.join(refused[:3])}")
    return "\n".join(lines)


def _summary(row: Preset, choice: Choice, loaded: wires.LoadedAdapter) -> str:
    from ..files.ir_se50 import GET_IT, recogniser_file

    adapter = loaded.adapter
    lines = [f"{adapter.label}: {choice.file.name}, known by {choice.reason}", _encoder(loaded)]
    lines += adapter.advice
    if adapter.lora:
        lines.append(f"with its LoRA at strength {loaded.lora_strength:g}")
    lines += [_also(file) for file in row.also if not installed.has(file)]
    if adapter.identity.variant.recogniser == IR_SE50 and recogniser_file() is None:
        lines.append(f"also needed: {GET_IT}")
    return "\n".join(lines)


def _also(file: File) -> str:
    fault = installed.fault_of(file)
    return f"'{file.name}' is there and {fault}: get it again" if fault else f"also needed: {file.described()}"


def _encoder(loaded: wires.LoadedAdapter) -> str:
    wanted = installed.encoder_need(loaded.adapter)
    if wanted is None:
        return "reads a face embedding"
    if loaded.clip_vision is None:
        return "\n".join(
            filter(
                None,
                (f"no image encoder for it is installed; it needs {wanted.described()}", installed.damaged_encoders()),
            )
        )
    file = loaded.clip_vision.file
    return f"with {file.outline.label}: {file.name}"


NODES = [LoadByPreset]
