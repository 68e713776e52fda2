"""A row of the table -> a hidden node with the old node's shape, which becomes our nodes when it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from comfy_api.v0_0_2 import io
from comfy_execution.validation import validate_node_input

from ..page.description import described
from . import setting, widgets
from .becomes import Flat
from .misfits import another_packs_wire, is_misfit
from .shape import COMPATIBLE, Row
from .sockets import ALSO_TAKEN, INPUTS, OUTPUTS, WIDGETS
from .table import ROWS
from .titles import TITLES

CATEGORY = "likeness/old nodes"
IN_A_NEW_GRAPH = "What takes its place in a new graph stands in docs/coming-from.md of this pack."
BY_SETTING, OFF, ON = setting.CHOICES


def hidden_schema(
    node: type[io.ComfyNode],
    node_id: str,
    display_name: str,
    alias: str,
    inputs: list[Any],
    outputs: list[Any],
    **more: Any,
) -> io.Schema:
    """The form of a node that old nodes become and nobody adds: search does not offer it."""
    return io.Schema(
        node_id=node_id,
        display_name=display_name,
        category=CATEGORY,
        description=described(node),
        search_aliases=[alias],
        inputs=inputs,
        outputs=outputs,
        is_deprecated=True,
        **more,
    )


def schema(row: Row, node_id: str) -> io.Schema:
    """The form of an old node under an id: its inputs in its order, then what is ours."""
    required = [_socket(row, name, bool(row.earlier)) for name in row.sockets]
    # The page rounds what a file holds to the digits of a step; programs are told the old steps.
    finest = 0.0 if node_id == row.node_id else widgets.FINEST
    values = [widgets.widget(row, name, finest, **_given(row, name, WIDGETS[name])) for name in row.widgets]
    optional = [_socket(row, name, True) for name in row.optional]
    return io.Schema(
        node_id=node_id,
        display_name=f"{TITLES[row.node_id]} (old)",
        category=CATEGORY,
        description=f"Stands in for '{TITLES[row.node_id]}' of {row.pack}, with its inputs. "
        + (f"{row.reason[0].upper()}{row.reason[1:]}." if row.reason else IN_A_NEW_GRAPH),
        search_aliases=[row.node_id],
        inputs=[*required, *values, *([_compatible(row)] if row.has_choice else []), *optional],
        outputs=[OUTPUTS[name][0].Output(name, display_name=name, tooltip=OUTPUTS[name][1]) for name in row.outputs],
        hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        is_output_node=not row.outputs,
        is_deprecated=True,
        enable_expand=True,
    )


def _socket(row: Row, name: str, optional: bool) -> io.Input:
    wire, tooltip = INPUTS[name]
    given: dict[str, Any] = {**_given(row, name, tooltip), "optional": optional}
    also = ALSO_TAKEN.get((row.node_id, name))
    return wire.Input(name, **given) if also is None else io.MultiType.Input(name, [wire, also], **given)


def _given(row: Row, name: str, tooltip: str) -> dict[str, Any]:
    folded = name in row.earlier
    given: dict[str, Any] = {"tooltip": tooltip, "optional": folded, "advanced": folded or None}
    # Links go on to the new nodes as they are, and only what those need is run.
    return given if row.computes else {**given, "raw_link": True, "lazy": True}


def _compatible(row: Row) -> io.Input:
    return io.Combo.Input(
        COMPATIBLE,
        options=list(setting.CHOICES),
        default=BY_SETTING,
        optional=True,
        tooltip=f"on: the picture as the old pack made it: {'; '.join(row.faults)}. off: as the authors publish it.",
    )


def node(row: Row, node_id: str | None = None) -> type[io.ComfyNode]:
    """The class of an old node, under an id of ours unless another is given."""
    name = node_id or row.thin_id
    base = _Computing if row.computes else _Expanding
    made: Any = type(name, (base,), {"row": row, "name": name, "__doc__": TITLES[row.node_id]})
    if node_id is not None:
        made.GET_NODE_INFO_V1 = classmethod(_listed)
    return made


def _listed(cls: Any) -> dict[str, Any]:
    """A node for `/object_info` as the old packs' were there: programs look for the choices in the first entry."""
    listed = asdict(cls.GET_SCHEMA().get_v1_info(cls))
    for inputs in listed["input"].values():
        for name, spec in inputs.items():
            if spec[0] == io.Combo.io_type:
                inputs[name] = (spec[1]["options"], *spec[1:])
    return listed


class _Old(io.ComfyNode):
    row: Row
    name: str

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(cls.row, cls.name)

    @classmethod
    def validate_inputs(cls, input_types: Mapping[str, Any]) -> bool | str:
        """Asks for the wires alone: the host leaves them to us, who can say what to do about them, and says a sentence
        once for each input that is asked for."""
        return cls.row.reason or "; ".join(cls._misfits(input_types)) or True

    @classmethod
    def _misfits(cls, input_types: Mapping[str, Any]) -> Iterator[str]:
        types = cls.INPUT_TYPES()
        for name, spec in {**types.get("required", {}), **types.get("optional", {})}.items():
            given, taken = input_types.get(name), spec[0]
            if given is None or validate_node_input(given, taken):
                continue
            other = "" if is_misfit(given, taken) else f"'{name}' takes {taken}, and {given} is connected to it"
            yield other or another_packs_wire(f"what is connected to '{name}'", str(given))

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> bool:
        return cls.row.has_choice and setting.is_compatible(values.get(COMPATIBLE))


class _Expanding(_Old):
    @classmethod
    def execute(cls, **_: Any) -> io.NodeOutput:
        from .expand import expanded

        return expanded(cls.hidden.dynprompt, str(cls.hidden.unique_id), BY_CLASS)


class _Computing(_Old):
    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        assert cls.row.computes is not None
        return io.NodeOutput(*cls.row.computes(**values))


BY_CLASS: Mapping[str, Row] = MappingProxyType({**ROWS, **{row.thin_id: row for row in ROWS.values()}})
"""Old nodes by the classes they have in a graph: their own ids, and those of our nodes of their shape."""

NODES = [node(row) for row in ROWS.values() if not isinstance(row.becomes, Flat)]
