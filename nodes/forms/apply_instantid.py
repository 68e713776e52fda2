"""The node that puts a face from one photo into the picture: branch and IdentityNet together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from comfy.controlnet import ControlBase
from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...face.value import FaceBatch
from .. import wires
from ..branch_settings import BranchSettings, advanced_inputs, weight_inputs, wire_inputs
from ..page.description import described
from ..page.notice import for_page, teller
from ..page.sliders import SLIDER
from ..people.face_nets import (
    control_net_input,
    range_inputs,
    steered_inputs,
    steered_outputs,
    strength_input,
    vae_input,
    with_face_nets,
)
from ..people.people import (
    Person,
    Seats,
    faces_input,
    no_face,
    people_inputs,
    people_of,
    recogniser_note,
)
from ..people.recipes import NONE, RECIPES

if TYPE_CHECKING:
    from ...attention.identitynet.apply import Conditioning
    from ...attention.identitynet.hint import Hint


class ApplyInstantID(io.ComfyNode):
    """Keeps a person's face from a single photo: its identity becomes a second prompt, and IdentityNet holds the picture
    to the face and its keypoints."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessApplyInstantID",
            display_name="Apply InstantID",
            category="likeness/face",
            description=described(cls),
            search_aliases=[
                "instantid",
                "instant id",
                "face identity",
                "face swap",
                "identitynet",
                "portrait",
                "same person",
                "consistent character",
                "infiniteyou",
                "infinite you",
                "infusenet",
            ],
            inputs=[
                *steered_inputs(),
                faces_input(),
                control_net_input(),
                *weight_inputs(
                    0.8,
                    "0.8 is the authors' default. If colours burn, lower it and use a cfg of 4 to 5 or RescaleCFG.",
                ),
                strength_input("strength"),
                io.Combo.Input(
                    "recipe",
                    optional=True,
                    options=[NONE, *RECIPES],
                    default=NONE,
                    extra_dict={"likeness_sets": {name: recipe.inputs() for name, recipe in RECIPES.items()}},
                    tooltip="Sets weight, strength, both ranges and fusion at once. The editor writes them into these "
                    "inputs, and changing one of those takes the recipe off. stylised and loose likeness leave more "
                    "to the prompt. Over the API a recipe goes before what these inputs say.",
                ),
                *advanced_inputs(),
                *range_inputs("identitynet_start", "identitynet_end"),
                io.Float.Input(
                    "noise",
                    optional=True,
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    display_mode=SLIDER,
                    advanced=True,
                    tooltip="Seeded noise instead of the empty face in the negative half. The authors use 0; around "
                    "0.35 can soften burned colours.",
                ),
                io.Int.Input(
                    "noise_seed",
                    optional=True,
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    advanced=True,
                    control_after_generate=False,
                    tooltip="The seed of that noise; without noise it does nothing.",
                ),
                *people_inputs(),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="Drawn keypoints, from Render Keypoints, at the size of the picture to make; picture i is for "
                    "picture i of the batch. Not connected: drawn from the face as it is in its own photo.",
                ),
                io.Latent.Input(
                    "latent",
                    optional=True,
                    tooltip="The latent you sample. With 'image', whose size is then compared before anything is sampled; "
                    "without it the keypoints are drawn at the latent's size, with the photo fitted into it, or without "
                    "both in the photo's proportions.",
                ),
                *wire_inputs(),
                vae_input(),
            ],
            outputs=steered_outputs(),
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        model: ModelPatcher,
        positive: Conditioning,
        negative: Conditioning,
        adapter: wires.LoadedAdapter,
        faces: FaceBatch,
        control_net: ControlBase,
        strength: float = 0.8,
        recipe: str = NONE,
        identitynet_start: float = 0.0,
        identitynet_end: float = 1.0,
        noise: float = 0.0,
        noise_seed: int = 0,
        masks: Tensor | None = None,
        who: str = "in order",
        order: str = "",
        any_recogniser: bool = False,
        image: Tensor | None = None,
        latent: dict[str, Tensor] | None = None,
        vae: Any | None = None,
        weight: float | list[float] = 0.8,
        **settings: Any,
    ) -> io.NodeOutput:
        from ...attention.branch.build import key_values
        from ...attention.identitynet.hint import Hint
        from ...attention.identitynet.hint_size import checking_hints
        from ...attention.sampling.attach import attach
        from ...attention.weights.schedule import Range
        from ..page.show import shown
        from ..people.keypoint_pictures import canvas_of, drawing_notes, keypoint_pictures

        loaded = adapter.adapter
        branch = BranchSettings(weight=weight, **settings)
        people = people_of(loaded, model, faces, Seats(masks, who, order, any_recogniser, branch.attn_mask))
        variant, faces_of = loaded.identity.variant, [person.face for person in people]
        pictures = keypoint_pictures(image, faces_of, canvas_of(latent, model), variant.free_pose)
        notes = drawing_notes(image, () if variant.free_pose else faces_of, pictures, latent)
        hint = Hint(pictures, strength, Range(identitynet_start, identitynet_end), vae)
        branch, hint, said = _by_recipe(recipe, branch, hint)

        tell = teller(cls)
        unconditional = no_face(noise, noise_seed)
        negative_kv = key_values(loaded, unconditional)

        def attachment(person: Person) -> Any:
            its = replace(branch, attn_mask=person.region)
            return its.attachment(loaded, key_values(loaded, person.embeds), negative_kv, tell)

        steered = checking_hints(attach(model, *map(attachment, people if variant.has_layers else ())))
        both = with_face_nets(loaded, control_net, people, unconditional, hint, (positive, negative), tell)
        text = [said, "" if variant.has_layers else _NET_ALONE]
        text += [f"{len(people)} people" if len(people) > 1 else "", recogniser_note(loaded, people), *notes]
        output = shown(cls, "\n".join(filter(None, text)), pictures, steered, *both)
        return output if variant.has_layers else for_page(output, unread={"adapter": OF_THE_BRANCH})


_NET_ALONE = (
    "InfiniteYou has no branch: it acts through its net alone, as strongly as 'strength' says. Weight, layers, fusion and "
    "noise change nothing."
)

# The inputs that this is about, as the page greys them.
OF_THE_BRANCH = [
    *("weight", "layer_preset", "start_percent", "end_percent", "fusion"),
    *("embeds_scaling", "boost", "noise", "noise_seed"),
]


def _by_recipe(name: str, branch: BranchSettings, hint: Hint) -> tuple[BranchSettings, Hint, str]:
    """The settings of a recipe in place of the given ones, and what they are in words."""
    if name == NONE:
        return branch, hint, ""
    recipe = RECIPES[name]
    start, end = recipe.range.start, recipe.range.end
    said = f"{name}: weight {recipe.weight}, strength {recipe.strength}, {start:g} to {end:g}, fusion {recipe.fusion}"
    settings = replace(
        branch, weight=recipe.weight, fusion=recipe.fusion, fusion_settings=None, start_percent=start, end_percent=end
    )
    return settings, replace(hint, strength=recipe.strength, range=recipe.range), said


NODES = [ApplyInstantID]
