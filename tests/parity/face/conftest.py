"""What is found in real photos by real models."""

from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image


@pytest.fixture(scope="session")
def pack_folder(test_data):
    return test_data / "insightface" / "models" / "vectron"


@pytest.fixture(scope="session")
def models(pack_folder):
    from pack.face.models import load

    return load(pack_folder, "CPU")


@pytest.fixture(scope="session")
def photo(test_data):
    """Name -> (H, W, 3) uint8 RGB."""

    @cache
    def read(name):
        return np.array(Image.open(test_data / "photos" / name).convert("RGB"))

    return read


@pytest.fixture(scope="session")
def as_picture():
    """(H, W, 3) uint8 -> the picture that a ComfyUI IMAGE of it gives."""
    from pack.face.picture import pictures

    return lambda pixels: pictures(torch.from_numpy(np.ascontiguousarray(pixels)).float()[None] / 255)


@pytest.fixture(scope="session")
def find_in(models, as_picture):
    """The faces of an (H, W, 3) uint8 picture."""
    from pack.face.detect import Settings, find

    def found(pixels, **settings):
        return find(models, as_picture(pixels), Settings(**settings))[0].faces

    return found


@pytest.fixture(scope="session")
def embedded(models, find_in):
    """The same with embeddings."""
    from pack.face.embed import embed

    return lambda pixels, **settings: [embed(models, face) for face in find_in(pixels, **settings)]


@pytest.fixture(scope="session")
def obama(embedded, photo):
    (face,) = embedded(photo("obama.jpg"))
    return face
