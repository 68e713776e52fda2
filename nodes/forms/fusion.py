"""The node that says how a branch joins the text, with the settings of each rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from comfy_api.v0_0_2 import io

from ...attention.branch.fusion import FUSION_RULES, ORTHOGONAL_WITH_MASS, Fusion
from .. import wires
from ..page.description import described
from ..page.notice import noted

# z: the text's attention; y: the reference's; w: the factor; P: the part of y along z; m: the mass.
FORMULAS: Mapping[str, str] = MappingProxyType(
    {
        "add": "z + w y",
        "orthogonal": "z + w (y - P),  P = z (sum of z y) / (sum of z z), each channel over all positions",
        ORTHOGONAL_WITH_MASS: "z + w (y + (m - 1) P),  P as in orthogonal, m = share of attention on {mass}",
        "norm cap": "z + w y, made shorter where it is longer than {cap:g} |z|",
    }
)


class FusionNode(io.ComfyNode):
    """How a reference combines with the text in every layer: added as it is, or only the part that leaves the text alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessFusion",
            display_name="Fusion",
            category="likeness/weights",
            description=described(cls),
            search_aliases=["pulid", "orthogonal", "ortho", "fidelity", "norm cap", "projection"],
            inputs=[
                io.Combo.Input(
                    "rule",
                    options=list(FUSION_RULES),
                    default=ORTHOGONAL_WITH_MASS,
                    tooltip="add: as IP-Adapter's authors do. orthogonal: without the part parallel to the text's own "
                    "attention. orthogonal v2: the same, but less so where the tokens get much attention (both are "
                    "PuLID's). norm cap: never stronger than 'cap' times the text.",
                ),
                io.Float.Input(
                    "cap",
                    optional=True,
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="For norm cap: how strong the reference's part may be; 1 is as strong as the text's.",
                ),
                io.Int.Input(
                    "zero_tokens",
                    optional=True,
                    default=8,
                    min=0,
                    max=64,
                    tooltip="Empty tokens that take attention from the reference, for every rule. PuLID uses 8 for "
                    "likeness and 16 for style; 0 leaves 'add' as IP-Adapter's authors do it. orthogonal v2 needs 1 "
                    "or more, or fewer mass_tokens than the reference has.",
                ),
                io.Int.Input(
                    "mass_tokens",
                    optional=True,
                    default=0,
                    min=0,
                    max=4096,
                    tooltip="For orthogonal v2: how many of the first tokens have their share of attention measured. 0: all "
                    "real ones. PuLID's own models use 5.",
                ),
            ],
            outputs=[wires.FusionWire.Output("fusion", tooltip="For 'fusion_settings' of an Apply node.")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls, rule: str = ORTHOGONAL_WITH_MASS, cap: float = 1.0, zero_tokens: int = 8, mass_tokens: int = 0
    ) -> io.NodeOutput:
        fusion = Fusion(rule, cap, zero_tokens, mass_tokens)
        return noted(cls, _formula(fusion), fusion)


def _formula(fusion: Fusion) -> str:
    mass = f"the first {fusion.mass_tokens} tokens" if fusion.mass_tokens else "the reference's tokens"
    formula = FORMULAS[fusion.rule].format(cap=fusion.cap, mass=mass)
    return (
        f"{formula}\nwith {fusion.zero_tokens} empty tokens next to the reference's" if fusion.zero_tokens else formula
    )


NODES = [FusionNode]
