"""Finds InstantID's files in a folder of models, by the names under which the README lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .problems import say

WANTED: Mapping[str, str] = {
    "instantid": "instantid/ip-adapter.bin",
    "controlnet": "controlnet/instantid-identitynet.safetensors",
    "insightface": "insightface/models/antelopev2/glintr100.onnx",
}
"""ComfyUI's category and the file that is looked for."""


@dataclass(frozen=True)
class IdentityFiles:
    """Adapter, IdentityNet and the folder of the face networks."""

    adapter: Path
    net: Path
    faces: Path

    def folders(self) -> dict[str, list[Path]]:
        """ComfyUI's model categories and their folders."""
        return {
            "instantid": [self.adapter.parent],
            "controlnet": [self.net.parent],
            "insightface": [self.faces.parents[1]],
        }


def identity_files(folder: Path, family: str) -> IdentityFiles | None:
    """InstantID's files below `folder`; None, saying why, where the demonstration has to do without."""
    if family != "sdxl":
        say("InstantID's part is left out: it needs an SDXL checkpoint.")
        return None
    found = {category: next(iter(sorted(folder.rglob(wanted))), None) for category, wanted in WANTED.items()}
    missing = [WANTED[category] for category, path in found.items() if path is None]
    if missing:
        say(f"InstantID's part is left out: below {folder} there is no {', no '.join(missing)}.")
        return None
    adapter, net, recogniser = (path for path in found.values() if path is not None)
    return IdentityFiles(adapter, net, recogniser.parent)
