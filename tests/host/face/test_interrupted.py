"""A person who presses Cancel while faces are found or embedded: nothing of the run stays, the next is right to the bit."""

import gc

import comfy.model_management as management
import pytest
import torch
from pack.face import detect, embed
from pack.face.value import PictureFaces
from pack.nodes.forms.find_faces import FindFaces
from pack.nodes.forms.load_face_models import LoadFaceModels

Interrupted = management.InterruptProcessingException
STAGES = {"finding": (detect, "_detect"), "embedding": (embed, "_run")}


@pytest.fixture(autouse=True)
def not_interrupted():
    yield
    management.interrupt_current_processing(False)


def alive():
    gc.collect()
    return sum(isinstance(found, PictureFaces) for found in gc.get_objects())


def numbers(faces):
    return [(f.box.tobytes(), f.keypoints.tobytes(), f.embedding.tobytes(), f.score) for e in faces for f in e.faces]


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("stage", STAGES)
def test_interrupted_faces_leave_nothing_and_the_next_are_right(stage, at, photo, ran, monkeypatch):
    names = ("obama.jpg", "biden.jpg", "obama2.jpg")
    size = (320, 240)
    batch = torch.cat(
        [torch.nn.functional.interpolate(photo(name).movedim(-1, 1), size=size).movedim(1, -1) for name in names]
    )
    models = ran(LoadFaceModels, pack="vectron", provider="CPU").face_models
    expected = numbers(FindFaces.execute(batch, models).args[0])
    assert len(expected) == 3
    fresh = ran(LoadFaceModels, pack="vectron", provider="CPU").face_models
    before, calls = alive(), []
    module, name = STAGES[stage]
    work = getattr(module, name)

    def interrupting(*args):
        calls.append(1)
        if len(calls) == at:
            management.interrupt_current_processing()
        return work(*args)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, interrupting)
        with pytest.raises(Interrupted):
            FindFaces.execute(batch, fresh)
    assert len(calls) == at, "no further picture is looked at"
    assert not management.processing_interrupted(), "the host takes the press back as it raises"
    assert alive() == before
    assert numbers(FindFaces.execute(batch, fresh).args[0]) == expected
