"""The face nodes with the real models and photos, in ComfyUI's own folders."""

import os
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

DATA = Path(os.environ.get("LIKENESS_TEST_DATA") or Path(__file__).resolve().parents[3] / ".likeness" / "test-data")


@pytest.fixture(scope="session", autouse=True)
def folders(tmp_path_factory):
    """ComfyUI's model folder with the pack in it, and a place for previews."""
    folder_paths = pytest.importorskip("folder_paths", reason="needs ComfyUI: set LIKENESS_COMFYUI")
    if not (DATA / "insightface").is_dir():
        reason = f"face models and photos are not in {DATA}; 'python run.py test' fetches them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    before = folder_paths.temp_directory
    folder_paths.set_temp_directory(str(tmp_path_factory.mktemp("temp")))
    folder_paths.add_model_folder_path("insightface", str(DATA / "insightface"), is_default=True)
    yield folder_paths
    folder_paths.set_temp_directory(before)
    folder_paths.get_folder_paths("insightface").remove(str(DATA / "insightface"))


@pytest.fixture(scope="session")
def photo():
    """Name -> IMAGE (1, H, W, 3), at most 640 pixels long."""

    @cache
    def read(name):
        picture = Image.open(DATA / "photos" / name).convert("RGB")
        picture.thumbnail((640, 640))
        return torch.from_numpy(np.array(picture)).float()[None] / 255

    return read


@pytest.fixture(scope="session")
def ran():
    """Runs a node: its outputs by name, the text and the pictures it shows."""

    def run(node, **inputs):
        output = node.execute(**inputs)
        names = [socket.id for socket in node.define_schema().outputs]
        ui = output.ui if isinstance(output.ui, dict) else output.ui.as_dict()
        return SimpleNamespace(
            **dict(zip(names, output.args, strict=True)), shown=ui["text"][0], pictures=ui.get("images", [])
        )

    return run


@pytest.fixture(scope="session")
def face_models(folders, ran):
    from pack.nodes.forms.load_face_models import LoadFaceModels

    return ran(LoadFaceModels, pack="vectron", provider="CPU").face_models


@pytest.fixture(scope="session")
def found(ran, face_models):
    """IMAGE -> what Find Faces gives."""
    from pack.nodes.forms.find_faces import FindFaces

    return lambda image, **inputs: ran(FindFaces, image=image, face_models=face_models, **inputs)
