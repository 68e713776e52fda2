"""What a row draws -> its key: equal keys are equal pictures, whatever files and nodes are called."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from .jobs import MODEL_FILES, Job

NAMES_ONLY = ("filename_prefix",)
"""Inputs that say where something is written and nothing of what is in it."""
LENGTH = 20  # bytes
SAVED = (".likeness.safetensors", ".faces.safetensors")
"""How the names of saved embeds and faces end."""


def hash_of(content: bytes) -> str:
    """The name that a file has by its content."""
    return hashlib.blake2b(content, digest_size=LENGTH).hexdigest()


def canonical(job: Job) -> dict[str, dict[str, object]]:
    """The nodes of a job without titles and names of files to write; files of the manifest by their addresses."""
    return {
        number: {
            "class_type": node["class_type"],
            "inputs": {
                name: value
                for name, value in node["inputs"].items()
                if name not in NAMES_ONLY or not isinstance(value, str)
            },
        }
        for number, node in job.prompt.items()
    }


def row_of(job: Job) -> str:
    """What stands in a row: its id and prompt, before any file is read. A row that is changed is another row."""
    return _hashed([job.id, canonical(job)])


def key_of(
    job: Job,
    contents: Mapping[str, str],
    model: Callable[[str], str | None],
    versions: Mapping[str, str],
) -> str:
    """The key of a job, from the hashes of its files by address, of model files by name, and who draws it."""
    nodes = canonical(job)
    for file in job.files:
        nodes[file.node]["inputs"][file.input] = f"content {contents[file.address]}"
    for node in nodes.values():
        node["inputs"] = {name: _by_content(value, model) for name, value in node["inputs"].items()}
    return _hashed([nodes, dict(versions)])


def _by_content(value: object, model: Callable[[str], str | None]) -> object:
    if isinstance(value, str) and value.lower().endswith(MODEL_FILES):
        return model(value) or value
    return value


def _hashed(content: object) -> str:
    return hash_of(json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())


class Models:
    """The model files of one host, by the names under which nodes have them.

    A file that lies on this machine counts by its sha256, as the pack's loaders identify it; one of another machine by
    name and size, which is all that its host tells.
    """

    def __init__(self, json_at: Callable[[str], object]) -> None:
        self._json_at = json_at
        self._found: dict[str, list[tuple[Path, int]]] | None = None
        self._hashes: dict[Path, str] = {}

    def content_of(self, name: str) -> str | None:
        """What a model's name stands for, None for a name that the host does not list."""
        if self._found is None:
            self._found = self._listed()
        found = self._found.get(name.replace("\\", "/"))
        return " ".join(self._known(path, size) for path, size in found) if found else None

    def _known(self, path: Path, size: int) -> str:
        if path not in self._hashes:
            local = path.is_file() and path.stat().st_size == size
            self._hashes[path] = _sha256(path) if local else f"{path.name} {size}"
        return self._hashes[path]

    def _listed(self) -> dict[str, list[tuple[Path, int]]]:
        found: dict[str, list[tuple[Path, int]]] = {}
        for folder in self._json_at("/experiment/models"):
            for file in self._json_at(f"/experiment/models/{folder['name']}"):
                path = Path(folder["folders"][file["pathIndex"]], file["name"])
                entry = (path, file["size"])
                known = found.setdefault(file["name"].replace("\\", "/"), [])
                if entry not in known:
                    known.append(entry)
        return found


def _sha256(path: Path) -> str:
    from ..downloads import sha256_of

    return sha256_of(path)
