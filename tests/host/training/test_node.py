"""Train IP-Adapter as a graph runs it: lists in, a file that the loaders list, pictures and a curve out."""

import json
from types import SimpleNamespace

import pytest
import safetensors
import safetensors.torch
import torch
from trainings import RECIPE, equal, world

TRAINED = {"variant": "base", "name": "test/mine"}


@pytest.fixture
def run(folders):
    """Runs the node in inference mode, as the host does."""
    from miniature import models
    from pack.nodes.forms.train_ip_adapter import TrainIPAdapter

    with torch.inference_mode():
        base = world("sd15")
        given = {
            "model": base.model,
            "clip": base.clip,
            "vae": models.vae(1),
            "clip_vision": models.clip_vision("vit_h", 3),
        }
        generator = torch.Generator().manual_seed(2)
        images = [torch.rand(1, 64, width, 3, generator=generator) for width in (64, 64, 128)]

    def execute(texts=("a red cat", "a blue dog", "a red cat"), **changes):
        widgets = {name: [value] for name, value in {**given, **RECIPE, **TRAINED, **changes}.items()}
        with torch.inference_mode():
            return TrainIPAdapter.execute(**widgets, images=images, texts=list(texts))

    frozen = (given["clip"].cond_stage_model, given["clip_vision"].model, given["vae"].first_stage_model)
    return SimpleNamespace(execute=execute, folder=folders / "models" / "ipadapter", frozen=frozen)


def test_the_encoders_stay_as_they_are(run):
    def weights():
        with torch.inference_mode():  # in which they were loaded
            return [{name: each.cpu().clone() for name, each in part.state_dict().items()} for part in run.frozen]

    before = weights()
    run.execute(look_every=0)
    assert all(equal(now, then) for now, then in zip(weights(), before, strict=True))


def test_it_writes_a_file_that_the_loader_lists(run):
    from pack.nodes.files.folders import adapter_files

    output = run.execute()
    adapter, losses, curve, samples = output.args
    path = run.folder / "test" / "mine.safetensors"
    assert "test/mine.safetensors" in adapter_files()
    assert (adapter.adapter.name, adapter.adapter.label) == ("mine.safetensors", "IP-Adapter for SD1.5")
    assert len(losses["loss"]) == 2
    assert curve.shape == (1, 320, 640, 3) and curve.std() > 0
    assert samples.shape == (2, 64, 64, 3) and not torch.equal(samples[0], samples[1])  # one look after each step
    with safetensors.safe_open(path, "pt") as file:
        told = file.metadata()
    assert (told["pictures"], told["steps"], told["variant"]) == ("3", "2", "base")
    log = run.folder.parents[1] / "output" / "likeness-training" / "ipadapter" / "test" / "mine.log.jsonl"
    assert [json.loads(line)["loss"] for line in log.read_text().splitlines()] == losses["loss"]
    said = output.ui["text"][0]
    count = sum(tensor.numel() for tensor in adapter.adapter.module.state_dict().values())
    assert f"{count:,} trained weights, 2 steps" in said and "base model untouched" in said


def test_it_leaves_the_last_files_on_its_way(run):
    """Whole files that are what a training of so many steps writes; those of a name that is taken are not written over."""
    run.execute(name="short", steps=2, look_every=0)
    run.execute(steps=3, look_every=0, publish_every=1, keep_files=1)
    kept = sorted(path.name for path in (run.folder / "test").iterdir())
    assert kept == ["mine-step-000002.safetensors", "mine.safetensors"]
    second = safetensors.torch.load_file(run.folder / "test" / kept[0])
    short = safetensors.torch.load_file(run.folder / "short.safetensors")
    assert second.keys() == short.keys() and all(torch.equal(second[name], short[name]) for name in short)
    (run.folder / "test" / "mine.safetensors").unlink()
    with pytest.raises(ValueError, match=r"mine-step-000002.safetensors' already exists. Set 'name'"):
        run.execute(resume=False)


def test_samples_are_drawn_from_ones_own_prompts(run):
    """Each line is a picture of every look; the curve and the last look are shown under the node."""
    output = run.execute(steps=1, look_prompts="a sea\n\na hill ")
    first, second = output.args[3]
    assert not torch.equal(first, second) and len(output.ui["images"]) == 3


def test_pictures_come_from_one_source(run):
    with pytest.raises(ValueError, match="two sources of pictures. Connect 'images', or set 'folder'"):
        run.execute(folder="mine")
    from pack.nodes.training.dataset import captioned_pictures

    with pytest.raises(ValueError, match="for those of a folder put references.csv beside them"):
        captioned_pictures({"folder": ["mine"], "subjects": ["ann"]}, (None, None), 64)
    with pytest.raises(ValueError, match="there are no pictures. Connect 'images'"):
        captioned_pictures({"folder": [""]}, (None, None), 64)


def test_the_reference_is_another_picture_of_the_subject(run):
    """Of three pictures two are of one subject; the view through the encoder of each is the other's."""
    own = run.execute(name="own", look_every=0)
    output = run.execute(look_every=0, subjects="cat\ndog\ncat", flip_reference=True, crop_reference=0.6)
    assert output.args[1] != own.args[1]
    assert "shown another picture of their subject: 2 of 3" in output.ui["text"][0]
    assert "subject" not in own.ui["text"][0]


def test_a_longer_run_goes_on_and_a_taken_name_is_refused(run):
    run.execute(look_every=0)
    longer = run.execute(look_every=0, steps=3)
    assert len(longer.args[1]["loss"]) == 3
    with pytest.raises(ValueError, match="already exists. Set 'name' to another one"):
        run.execute(look_every=0, resume=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../outside"}, "is not the name of a file"),
        ({"name": " "}, "is not the name of a file"),
        ({"name": "a" * 300}, "is 300 bytes long; a name of at most"),
        ({"bucket_side": 100}, "bucket_side is 100"),
        ({"texts": ("one", "two")}, "3 pictures and 2 texts"),
        ({"steps": 0}, "steps is 0"),
        ({"tracker": "paper"}, "no tracker 'paper'; choose one of: none, tensorboard"),
    ],
)
def test_what_cannot_be_trained_is_said_at_once(run, changes, message):
    with pytest.raises(ValueError, match=message):
        run.execute(**changes)
    assert not list(run.folder.rglob("*.safetensors"))
