"""The model folders and packs of this ComfyUI -> what is there for which purpose, and what is not or stands in the way."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import folder_paths

from ...attention.catalogue.presets import PURPOSES, presets_for
from ...attention.models.families import FAMILIES
from ...face.checked import Checked, face_packages
from . import face_folders, folders, installed

OLD_NODES = ("IPAdapterAdvanced", "ApplyInstantID")
"""A node that each of the old packs registers."""
_OURS = __name__.partition(".nodes.")[0]


def checked() -> Iterator[Checked]:
    """Everything, in the order in which a person would look for a fault."""
    yield from face_packages()
    yield from _folders()
    yield from _purposes()
    yield from old_packs(importlib.import_module("nodes").NODE_CLASS_MAPPINGS)


def _folders() -> Iterator[Checked]:
    found, refused = installed.adapters()
    where = ", ".join(folder for name in folders.adapter_folders() for folder in folder_paths.get_folder_paths(name))
    yield Checked(f"{len(found)} adapters in {where}.")
    yield from (Checked(f"Not an adapter: {why}", "Delete that file, or move it where it belongs.") for why in refused)
    yield Checked(f"{len(list(installed.encoder_files()))} image encoders in models/{installed.ENCODERS}.")
    damaged = installed.damaged_encoders()
    if damaged:
        yield Checked(damaged, "Delete it and download it again.")
    packs = face_folders.packs()
    yield Checked(f"Packs of face models: {', '.join(packs) or 'none'}.")
    for name in packs:
        yield from (
            Checked(f"Face models {name}: {why}", "Download that pack again.") for why in face_folders.damaged(name)
        )


def _purposes() -> Iterator[Checked]:
    """Each preset in a line; one that lacks files is no fault, and Load by Preset downloads them."""
    for purpose in PURPOSES:
        said: list[str] = []
        for name, row in presets_for(purpose).items():
            lacking = installed.missing(row)
            what = f"lacks {', '.join(file.name for file in lacking)}" if lacking else "ready"
            said.append(f"{FAMILIES[name].label} {what}")
        yield Checked(f"{purpose}: {'; '.join(said)}.")


def old_packs(classes: Mapping[str, Any]) -> Iterator[Checked]:
    """Packs that have the node ids of the old ones: their nodes stay theirs, and ours do not stand in for them."""
    for old in OLD_NODES:
        node = classes.get(old)
        if node is not None and not node.__module__.startswith(_OURS):
            home = getattr(node, "RELATIVE_PYTHON_MODULE", node.__module__).rpartition(".")[2]
            yield Checked(
                f"{home} is installed: {old} and its other nodes in old workflows stay its own.",
                "To have ours in their place, remove that folder from custom_nodes and restart ComfyUI.",
            )
