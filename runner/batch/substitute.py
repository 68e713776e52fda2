"""Columns and values onto the nodes of an API prompt, by the grammar of the examples' client: `Title.input`, or `Title`
for the node that loads a file."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Prompt = Mapping[str, Mapping[str, object]]
"""The nodes of an API prompt by their numbers."""
FILE_INPUTS = ("file", "image")
"""Where a node that loads a file has its name: Load Embeds and Load Faces, Load Image."""


@dataclass(frozen=True)
class Target:
    """The input of a node that a column sets; `is_file` for the address of a file, which the host is given."""

    node: str
    input: str
    is_file: bool


def prompt_of(text: str) -> Prompt:
    """An API prompt from its file. Raises ValueError, as the end of a sentence, for anything else."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is no JSON ({error})") from error
    if isinstance(found, dict) and isinstance(found.get("nodes"), list):
        raise ValueError("is a workflow of the editor; export its API form in ComfyUI (Workflow, Export (API))")
    if not isinstance(found, dict) or not found or not all(map(_is_node, found.values())):
        raise ValueError("is no API prompt, which has class_type and inputs for each node")
    return found


def _is_node(node: object) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)


def title_of(prompt: Prompt, number: str) -> str:
    """The title of a node, or its number where it has none."""
    meta = prompt[number].get("_meta")
    return str(meta.get("title", number)) if isinstance(meta, dict) else number


def target_of(prompt: Prompt, column: str) -> Target:
    """What a column sets. Raises ValueError that names what there is."""
    if _called(prompt, column):
        number = _the_one(prompt, column)
        inputs = prompt[number]["inputs"]
        for name in FILE_INPUTS:
            if isinstance(inputs.get(name), str):
                return Target(number, name, is_file=True)
        raise ValueError(f"'{column}' loads no file; write the column as '{column}.input': {_listed(inputs)}")
    title, dot, name = column.rpartition(".")
    if not dot:
        raise ValueError(f"no node is called '{column}'; there are {_titles(prompt)}")
    number = _the_one(prompt, title)
    inputs = prompt[number]["inputs"]
    if name not in inputs:
        raise ValueError(f"'{title}' has no '{name}' in the prompt; it has {_listed(inputs)}")
    if isinstance(inputs[name], list):
        raise ValueError(f"'{column}' is connected to another node; set an input of that one")
    return Target(number, name, is_file=False)


def _called(prompt: Prompt, name: str) -> Sequence[str]:
    return [number for number in prompt if name in (number, title_of(prompt, number))]


def _the_one(prompt: Prompt, name: str) -> str:
    found = _called(prompt, name)
    if not found:
        raise ValueError(f"no node is called '{name}'; there are {_titles(prompt)}")
    if len(found) > 1:
        raise ValueError(f"{len(found)} nodes are called '{name}'; use the number of one: {', '.join(found)}")
    return found[0]


def _titles(prompt: Prompt) -> str:
    return ", ".join(sorted({title_of(prompt, number) for number in prompt}))


def _listed(inputs: Mapping[str, object]) -> str:
    return ", ".join(sorted(name for name, value in inputs.items() if not isinstance(value, list))) or "none to set"


def converted(value: object, current: object) -> object:
    """A cell as the input takes it, whose value in the prompt is `current`: text stays text, all else is read as JSON.

    Raises ValueError, as the end of a sentence, for another kind of value.
    """
    if isinstance(current, str):
        return value if isinstance(value, str) else _as_text(value)
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number that a prompt can hold")
    if current is not None and _kind(value) != _kind(current):
        raise ValueError(f"{json.dumps(value, default=str)} is no {_kind(current)}")
    return value


def _as_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{json.dumps(value, default=str)} is no text")
    return str(value)


def _parsed(text: str) -> object:
    try:
        return json.loads(text.lower() if text.lower() in ("true", "false") else text)
    except ValueError as error:
        raise ValueError(f"'{text}' is no number, true or false") from error


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "number" if isinstance(value, int | float) else type(value).__name__


def with_values(prompt: Prompt, values: Mapping[Target, object]) -> Prompt:
    """A copy of the prompt with these inputs set; the prompt itself is left as it is."""
    copy = {number: {**node, "inputs": dict(node["inputs"])} for number, node in prompt.items()}
    for target, value in values.items():
        copy[target.node]["inputs"][target.input] = value
    return copy
