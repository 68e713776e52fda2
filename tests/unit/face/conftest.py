"""Faces and models made by hand, for tests that need no model file."""

import numpy as np
import pytest
import torch
from pack.face.models import FaceModels
from pack.face.packs import Pack
from pack.face.picture import pictures
from pack.face.value import Face, PictureFaces, Rung, frozen

FIVE = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)], np.float32)


class FakeDetector:
    """Finds one face, of the given box, at the sizes it is told; remembers what it was asked."""

    session = None

    def __init__(self, at, box=(10.0, 10.0, 50.0, 60.0), fixed=None):
        self.at, self.box, self.static_input_size, self.asked = at, box, fixed, []

    def detect(self, img, input_size, *, det_thresh):
        self.asked.append((input_size, img.shape[:2]))
        if (input_size, img.shape[:2]) not in self.at and input_size not in self.at:
            return np.empty((0, 5), np.float32), np.empty((0, 5, 2), np.float32)
        return np.array([[*self.box, 0.9]], np.float32), FIVE[None].copy()


class FakeRecogniser:
    """Embeds a crop as 512 numbers that depend on it."""

    session = None

    def get_feat(self, imgs):
        return np.resize(imgs.astype(np.float32).mean(axis=(0, 2)), (1, 512)) + np.arange(512, dtype=np.float32)


@pytest.fixture
def fake_models(tmp_path):
    def make(detector=None, recogniser=None, running="CPUExecutionProvider", recogniser_id="ResNet100"):
        pack = Pack("fake", tmp_path, None, None, recogniser_id, ())
        return FaceModels(pack, running, (), detector, recogniser)

    return make


@pytest.fixture
def fake_detector():
    return FakeDetector


@pytest.fixture
def fake_recogniser():
    return FakeRecogniser()


@pytest.fixture
def picture():
    def make(width=200, height=100, count=1, grey=0.5):
        return pictures(torch.full((count, height, width, 3), grey))

    return make


@pytest.fixture
def face(picture):
    def make(
        box=(10, 10, 50, 60), score=0.9, embedding=None, recogniser="ResNet100", keypoints=FIVE, of=None, oval=None
    ):
        return Face(
            picture=of or picture()[0],
            box=frozen(box),
            keypoints=frozen(keypoints),
            score=score,
            rung=Rung(size=(640, 640)),
            oval=None if oval is None else frozen(oval),
            embedding=None if embedding is None else frozen(embedding),
            recogniser=None if embedding is None else recogniser,
        )

    return make


@pytest.fixture
def faces_of():
    def make(picture, *faces):
        return PictureFaces(picture, tuple(faces))

    return make


@pytest.fixture
def embedding():
    """A random direction of length 20, another for every seed."""

    def make(seed, near=None, mix=0.0):
        direction = np.random.default_rng(seed).normal(size=512)
        direction /= np.linalg.norm(direction)
        if near is not None:
            direction = mix * direction + (1 - mix) * near / np.linalg.norm(near)
            direction /= np.linalg.norm(direction)
        return (20 * direction).astype(np.float32)

    return make
