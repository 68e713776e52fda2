"""One old node while a graph runs -> the nodes that replace it, for the host to run in its place."""

from __future__ import annotations

import importlib
import logging
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from comfy_api.v0_0_2 import io
from comfy_execution.graph_utils import ExecutionBlocker, GraphBuilder

from . import setting
from .becomes import become
from .job import Job, Ref
from .rewrite import complete
from .shape import Row

log = logging.getLogger(__name__)


def expanded(dynprompt: Any, number: str, rows: Mapping[str, Row]) -> io.NodeOutput:
    """The node `number` of a running graph as nodes of ours. `rows` are the old nodes by class, as they may be in it.

    Raises ValueError saying why no node of this pack replaces it.
    """
    prompt: Any = ChainMap(dynprompt.ephemeral_prompt, dynprompt.original_prompt)
    job = Job(prompt, rows, number, set(), setting.is_compatible)
    if job.row.becomes is None:
        raise ValueError(job.row.reason)
    become(job)
    if job.notes:
        log.info("likeness: %s", "; ".join(dict.fromkeys(job.notes)))
    prefix = GraphBuilder.alloc_prefix()
    classes = importlib.import_module("nodes").NODE_CLASS_MAPPINGS  # by name, for our own package is called so too
    nodes = {f"{prefix}{name}": _placed(node, prefix, classes) for name, node in job.added.items()}
    results = [_output(job, index, prefix) for index in range(len(job.row.outputs))]
    return io.NodeOutput(*results, expand=nodes)


def _placed(node: Mapping[str, Any], prefix: str, classes: Mapping[str, Any]) -> dict[str, Any]:
    inputs = {name: _link(value, prefix) for name, value in node["inputs"].items()}
    return {"class_type": node["class_type"], "inputs": complete(node["class_type"], inputs, classes)}


def _output(job: Job, index: int, prefix: str) -> Any:
    if index not in job.outputs:
        name = job.row.outputs[index]
        return ExecutionBlocker(
            f"no node of this pack provides the output '{name}' of {job.row.node_id} for such a node"
        )
    return _link(job.outputs[index], prefix)


def _link(value: Any, prefix: str) -> Any:
    return [f"{prefix}{value.node}", value.index] if isinstance(value, Ref) else value
