"""What a node of an old pack looked like, and what it becomes: the types of the table's rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

IPADAPTER_PLUS = "ComfyUI_IPAdapter_plus"
INSTANTID = "ComfyUI_InstantID"
BEFORE_2024_03 = "ComfyUI_IPAdapter_plus before March 2024"
XLABS = "x-flux-comfyui"
INSTANTX = "ComfyUI-IPAdapter-Flux"
PULID = "PuLID_ComfyUI"
COMPATIBLE = "compatible"
_THIN = "LikenessOld"

# What many nodes of ComfyUI_IPAdapter_plus have: sockets, widgets with their defaults, outputs.
STEERS = ("model", "ipadapter")
WEIGHT = {"weight": 1.0}
TYPE = {"weight_type": "linear"}
COMBINE = {"combine_embeds": "concat"}
RANGE = {"start_at": 0.0, "end_at": 1.0}
SCALING = {"embeds_scaling": "V only"}
STEERED = ("MODEL",)


# What 'compatible' brings back, in words for its tooltip.
NO_MIDDLE = "the middle block left out"
BLACK = "a black picture as 'no reference' of plus adapters"
NOISE = "noise in the negative half"
SIDES = "with DualCFG, Perp-Neg or SAG, the side of a prompt told by its place in the call"
VALUES = "values normalised beside keys"
AT_ONCE = "the reference scaled to the encoder's square at once"
PHOTO_SIZE = "without 'image_kps', keypoints drawn at the size of the photo"


class NoCounterpart(ValueError):
    """An old node, or this use of it, that our nodes cannot express; the message says why."""


@dataclass(frozen=True)
class Row:
    """An old node: its id, sockets, widgets in the order that workflow files store them, outputs, and what it becomes.

    Where `becomes` is None, `reason` says in words why no node of this pack replaces it. `computes` gives the outputs
    from the inputs, for nodes that only calculate. `faults` is what ours does otherwise than the old node, unless
    'compatible' is on. `earlier` names the inputs of an earlier node that had the same id.
    """

    node_id: str
    pack: str
    sockets: tuple[str, ...]
    widgets: Mapping[str, Any]
    outputs: tuple[str, ...]
    becomes: Callable[[Any], None] | None
    optional: tuple[str, ...] = ()
    reason: str = ""
    computes: Callable[..., tuple[Any, ...]] | None = None
    faults: tuple[str, ...] = ()
    earlier: frozenset[str] = frozenset()

    @property
    def thin_id(self) -> str:
        """The id of our node that has the shape of the old one."""
        return f"{_THIN}{self.node_id}"

    @property
    def inputs(self) -> tuple[str, ...]:
        return (*self.sockets, *self.widgets, *self.optional)

    @property
    def has_choice(self) -> bool:
        """Whether the node has our input 'compatible'."""
        return bool(self.faults)

    def is_another_packs(self, inputs: Collection[str]) -> bool:
        """Whether inputs by name are those of a node of the same id that another pack has.

        A program may leave one out, or leave one that the node never had; another pack's node does both. What has no
        sockets is told by a name that it never had.
        """
        return bool(self.foreign(inputs)) and (not self.sockets or not self.wanted <= set(inputs))

    def foreign(self, inputs: Collection[str]) -> list[str]:
        """The names among these that the old node never had."""
        return [name for name in inputs if name not in {*self.inputs, *self.earlier, COMPATIBLE}]

    @property
    def wanted(self) -> frozenset[str]:
        """What the old node did not run without: its sockets, and a file."""
        files = (name for name, default in self.widgets.items() if default is None)
        return frozenset((*self.sockets, *files))

    def by_name(self, values: list[Any]) -> dict[str, Any]:
        """The widget values of a workflow file by name: older files are shorter, and what lacks has its default."""
        return {**self.widgets, **dict(zip(self.widgets, values, strict=False))}


def ipadapter_row(
    node_id: str,
    sockets: tuple[str, ...],
    widgets: Mapping[str, Any],
    outputs: tuple[str, ...],
    becomes: Callable[[Any], None] | None,
    **more: Any,
) -> Row:
    """A row of ComfyUI_IPAdapter_plus."""
    return Row(node_id, IPADAPTER_PLUS, sockets, widgets, outputs, becomes, **more)
