"""A folder of weights -> what is in it, by contents: checkpoints, adapters, encoders, IdentityNets, face models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pack.attention.adapter.layouts import OTHER_ADAPTERS, foreign
from pack.attention.adapter.spellings import without_wrappers
from pack.attention.catalogue.installed import AdapterFile, adapter_file
from pack.attention.files.damage import damage
from pack.attention.files.header import tensors
from pack.attention.reference import encoder_header
from pack.attention.reference.encoder_header import EncoderOutline
from pack.face.errors import MissingModel, MissingPackage
from pack.face.packs import Pack, find_packs, read_pack

from ..demo.examples.checkpoints import UNET, family_in

SUFFIXES = (".safetensors", ".bin", ".ckpt", ".pt", ".pth")
ADAPTER = ("ip_adapter", "image_proj")
HINT = "controlnet_cond_embedding.conv_in.weight"
IDENTITYNET = "add_embedding.linear_1.weight"  # SDXL's ControlNets have it; which are IdentityNets the keys do not tell


@dataclass
class Found:
    """Files by what they are, checkpoints by base model; `odd` is what is wrong with a file, by its path.

    `others` are whole files that the pack refuses, by path with what they are; `left_out` are the further checkpoints
    of a base model.
    """

    folder: Path
    checkpoints: dict[str, Path] = field(default_factory=dict)
    adapters: list[AdapterFile] = field(default_factory=list)
    encoders: list[tuple[Path, EncoderOutline]] = field(default_factory=list)
    control_nets: list[Path] = field(default_factory=list)
    faces: list[Pack] = field(default_factory=list)
    odd: dict[Path, str] = field(default_factory=dict)
    others: dict[Path, str] = field(default_factory=dict)
    left_out: dict[str, list[Path]] = field(default_factory=dict)

    def name(self, path: Path) -> str:
        """A path as the table has it: below the folder."""
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)


def found_in(folder: Path) -> Found:
    """Look at the beginning of every file below `folder`."""
    found = Found(folder)
    for path in _files(folder):
        fault = damage(path)
        try:
            if fault:
                raise ValueError(fault)
            _sort(found, path, tensors(path))
        except ValueError as error:
            found.odd[path] = " ".join(str(error).split())
    faces = folder / "insightface"
    for name, place in find_packs([faces if faces.is_dir() else folder]).items():
        try:
            found.faces.append(read_pack(place))
        except (MissingModel, MissingPackage) as error:
            found.odd[place] = f"the face models '{name}': {error}"
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES and path.is_file())


def _sort(found: Found, path: Path, inside: Mapping) -> None:
    """Put one file where it belongs; files of another kind are nobody's business here."""
    if any(key.startswith(UNET) for key in inside):
        family = family_in(path)
        if family and found.checkpoints.setdefault(family, path) != path:
            found.left_out.setdefault(family, []).append(path)
    elif (other := foreign([without_wrappers(key) for key in inside])) in OTHER_ADAPTERS:
        found.others[path] = f"it is {other.what}."
    elif any(part in key for key in inside for part in ADAPTER):
        found.adapters.append(adapter_file(found.name(path), path))
    elif HINT in inside:
        if IDENTITYNET in inside:
            found.control_nets.append(path)
    elif outline := encoder_header.read(path):
        found.encoders.append((path, outline))
