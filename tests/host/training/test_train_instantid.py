"""Train InstantID as a graph runs it: pictures with their faces in, two files that steer out."""

from types import SimpleNamespace

import numpy as np
import pytest
import safetensors
import torch
from trainings import RECIPE, world

FIVE = np.array([(20.0, 24.0), (44.0, 24.0), (32.0, 36.0), (23.0, 48.0), (41.0, 48.0)], np.float32)
WIDTHS = (64, 64, 128)


def face(picture, who, at=(0.0, 0.0), recogniser="ResNet100"):
    from pack.face.value import Face, Rung, frozen

    embedding = np.random.default_rng(who).normal(size=512).astype(np.float32)
    points = FIVE + np.array(at, np.float32)
    return Face(
        picture,
        frozen([*points.min(axis=0), *points.max(axis=0)]),
        frozen(points),
        0.9,
        Rung(),
        embedding=frozen(embedding),
        recogniser=recogniser,
    )


@pytest.fixture
def run(folders):
    """Runs the node in inference mode; `people` says how many faces each picture has."""
    from miniature import models
    from pack.face.picture import pictures
    from pack.face.value import PictureFaces
    from pack.nodes.forms.train_instantid import TrainInstantID

    with torch.inference_mode():
        base = world("sd15")
        given = {"model": base.model, "clip": base.clip, "vae": models.vae(1), "name": "test/mine"}
        generator = torch.Generator().manual_seed(2)
        images = [torch.rand(1, 64, width, 3, generator=generator) for width in WIDTHS]

    def execute(people=(1, 1, 1), other_pictures=False, at=(0.0, 0.0), recogniser="ResNet100", **changes):
        shots = [pictures(1 - image if other_pictures else image)[0] for image in images]
        faces = [
            (PictureFaces(shot, tuple(face(shot, who, at, recogniser) for who in range(count))),)
            for shot, count in zip(shots, people, strict=False)
        ]
        widgets = {name: [value] for name, value in {**given, **RECIPE, **changes}.items()}
        lists = {"images": images, "texts": ["a man", "a woman", ""], "faces": faces}
        with torch.inference_mode():
            return TrainInstantID.execute(**widgets, **lists)

    files = [folders / "models" / name / "test" / "mine.safetensors" for name in ("instantid", "controlnet")]
    return SimpleNamespace(execute=execute, files=files, models=folders / "models")


def test_it_writes_two_files_that_steer(run):
    """Both outputs go into Apply InstantID as loaded ones do, and the result depends on the net."""
    from pack.attention.identitynet.apply import apply_identitynet
    from pack.attention.identitynet.hint import Hint
    from pack.attention.identitynet.net import FaceContext
    from pack.attention.identitynet.wrap import identitynet_from
    from pack.nodes.people.people import no_face

    output = run.execute()
    adapter, net, losses, curve, samples = output.args
    assert adapter.adapter.label == "InstantID for SD1.5" and all(path.is_file() for path in run.files)
    assert len(losses["loss"]) == 2 and curve.shape == (1, 320, 640, 3)
    assert samples.shape == (2, 64, 64, 3) and not torch.equal(samples[0], samples[1])
    tokens = adapter.adapter.tokens(no_face())
    shown = identitynet_from(net, FaceContext(tokens, tokens), "sd15")
    applied = apply_identitynet(shown, Hint(torch.zeros(1, 64, 64, 3)), [[tokens, {}]], [[tokens, {}]])
    assert applied[0][0][1]["control"].control_model is net.control_model
    for path in run.files:
        with safetensors.safe_open(path, "pt") as file:
            told = file.metadata()
        assert (told["recogniser"], told["pictures"], told["variant"]) == ("ResNet100", "3", "instantid")
    said = output.ui["text"][0]
    own = sum(tensor.numel() for tensor in adapter.adapter.module.state_dict().values())
    whole = own + sum(tensor.numel() for tensor in net.control_model.state_dict().values())
    assert f"{whole:,} trained weights ({own:,} of the adapter), 2 steps" in said and "base model untouched" in said


def test_a_stopped_one_goes_on_and_a_taken_name_is_refused(run):
    run.execute(look_every=0)
    assert len(run.execute(look_every=0, steps=3).args[2]["loss"]) == 3
    run.files[0].unlink()  # one of the two is enough
    with pytest.raises(ValueError, match=r"controlnet.*already exists. Set 'name' to another one"):
        run.execute(look_every=0, resume=False)


def test_pictures_without_a_face_are_named_or_left_out(run):
    from pack.face.errors import MissingFace

    with pytest.raises(MissingFace, match="1 of 3 pictures show no face.* number 2. Take them out"):
        run.execute(people=(1, 0, 1))
    output = run.execute(people=(1, 0, 1), missing="skip", look_every=0)
    assert "2 pictures, as 64x64\n" in output.ui["text"][0]
    assert output.ui["text"][0].endswith("\nleft out, as they show no face: 1 of 3, number 2")


def test_of_very_many_pictures_without_a_face_the_first_are_named():
    from pack.nodes.training.face_dataset import FaceDataset

    assert (
        FaceDataset(None, range(1, 16), 40, "")
        .told()
        .endswith("15 of 40, number 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 3 more")
    )
    assert not FaceDataset(None, (), 40, "").told()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"people": (1, 1)}, "3 pictures, but faces of 2"),
        ({"people": (1, 2, 1)}, "picture 2 of 3 has 2 faces; one is needed. Pick it with Choose Face"),
        ({"people": (0, 0, 0), "missing": "skip"}, "at least one picture must show a face"),
        ({"other_pictures": True}, "the faces of picture 1 of 3 were found in another picture"),
        ({"at": (200, 0)}, "only one that their bucket cuts off"),
        ({"recogniser": "ResNet50"}, "embedded by ResNet50; InstantID reads ResNet100, the recogniser of antelopev2"),
        ({"name": "../outside"}, "is not the name of a file"),
    ],
)
def test_what_cannot_be_trained_is_said_at_once(run, changes, message):
    with pytest.raises(ValueError, match=message):
        run.execute(**changes)
    assert not list(run.models.rglob("*.safetensors"))


@pytest.mark.parametrize("size", [(640, 480), (300, 700), (1600, 500)])
def test_keypoints_lie_on_the_face_in_the_bucket(size):
    """A picture of the drawn keypoints, cut and scaled as a picture is, has its points where the hint has them."""
    from pack.attention.training.buckets import cut_for
    from pack.face.draw import draw_keypoints
    from pack.face.picture import to_image
    from pack.nodes.training.face_dataset import hint_of

    points = np.array([(-60, -60), (60, -60), (0, 0), (-50, 70), (50, 70)], np.float32) + np.array(size) / 2
    cut = cut_for(*size, 256)
    hint = hint_of(points, cut)()
    assert hint.shape == (3, cut.size[1], cut.size[0])
    photo = cut.apply(to_image([draw_keypoints([points], size)]))[0].movedim(-1, 0)
    for colour in ((1, 0, 0), (0, 1, 0), (1, 0, 1)):  # eyes, right mouth corner: no limb ends in their colour
        here, there = (_middle(each, colour) for each in (hint, photo))
        assert here == pytest.approx(there, abs=1)  # of a pixel: the drawing cuts to whole ones


def _middle(picture, colour):
    far = (picture - torch.tensor(colour, dtype=torch.float32)[:, None, None]).abs().amax(dim=0)
    rows, columns = torch.where(far < 0.25)
    return [float(columns.float().mean()), float(rows.float().mean())]
