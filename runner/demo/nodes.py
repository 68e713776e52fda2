"""What the prompts of both demonstrations, and of training, are made of."""

from collections.abc import Mapping

Node = Mapping[str, object]
"""A node of an API prompt: class_type and inputs."""
Prompt = dict[str, Node]
Wire = list[str | int]
SAVE = "save"
"""The node whose picture is kept."""


def node(class_type: str, **inputs: object) -> Node:
    """One node of an API prompt."""
    return {"class_type": class_type, "inputs": inputs}
