"""A lesson on disk trains what the same pictures in memory do, bit for bit, and says what is wrong with its files."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch
import trainings

PER_SHARD = 2
VARIANT = "instantid"
VIEWS = 2


def drawn(points, size):
    """A picture of points that tells every number of them."""
    width, height = size
    return torch.outer(points[:, 0].repeat(height)[:height], points[:, 1].repeat(width)[:width]).expand(3, -1, -1) / 9


@pytest.fixture(scope="module")
def rows():
    """What encoding gives for each picture: two sizes, two captions, two views, of three subjects."""
    from pack.attention.training.shards import Encoded

    generator = torch.Generator().manual_seed(8)
    found = []
    for number in range(trainings.PICTURES):
        height, width = trainings.SIZES[number % 2]
        views = [trainings.features(VARIANT, 1, generator) for _ in range(VIEWS)]
        points, latent = torch.rand(5, 2, generator=generator), torch.randn(4, height, width, generator=generator)
        refers = {"subject": "" if number == 5 else str(number % 2)}
        found.append(Encoded(f"{number}.png", latent, views, ("a cat", "a dog")[number % 2], points, refers))
    return found


@pytest.fixture(scope="module")
def texts():
    entries = trainings.texts(trainings.world("sd15").clip, "a cat", "a dog", "")
    return dict(zip(("a cat", "a dog", ""), entries, strict=True))


@pytest.fixture(scope="module")
def in_memory(rows, texts):
    from pack.attention.training.dataset import Dataset, Example
    from pack.attention.training.references import of_subject, referring

    examples = [
        Example(row.latent, texts[row.caption], row.views[0], partial(drawn, row.keypoints, (8 * w, 8 * h)))
        for row in rows
        for h, w in [row.latent.shape[-2:]]
    ]
    partners = of_subject([row.refers["subject"] for row in rows], [row.name for row in rows])
    return Dataset(referring(examples, [row.views for row in rows], partners), texts[""], nothing())


def nothing():
    return trainings.features(VARIANT, 1, torch.Generator()).with_features(face=torch.zeros(1, trainings.FACE))


def made():
    from pack.attention.training.lesson import Made

    views = {"flip": 1, "crop": 1.0, "count": VIEWS}
    return Made(VARIANT, "sd15", 64, views, {"vae": "1"}, "", "ResNet100", "folder", PER_SHARD, half=False, cell=8)


@pytest.fixture
def folder(rows, texts, tmp_path):
    """The lesson, in files of two pictures; one picture could not be read."""
    from pack.attention.training import lesson
    from pack.attention.training.shards import write_shard

    lesson.begin(tmp_path, made())
    lesson.keep_nothing(tmp_path, texts[""], nothing())
    starts = range(0, len(rows), PER_SHARD)
    for number, start in enumerate(starts):
        errors = {} if start else {"z.png": "it is no picture"}
        write_shard(lesson.shard_file(tmp_path, number), rows[start : start + PER_SHARD], texts, errors)
    with pytest.raises(ValueError, match="is a lesson that is not finished. Run the same 'run.py encode' again"):
        opened(tmp_path)
    assert lesson.end(tmp_path, len(starts)) == (len(rows), {"z.png": "it is no picture"})
    return tmp_path


def opened(folder):
    from pack.attention.training.lesson import open_lesson

    return open_lesson(folder, drawn).dataset


def trained(dataset, **changes):
    from pack.attention.training.train import trainer_for

    settings = trainings.settings(held_out=1, accumulation=2, seed=4, **changes)
    return trainer_for(trainings.world("sd15").model, dataset, VARIANT, settings)


def test_it_trains_the_same_bits_as_from_memory(folder, in_memory, tmp_path, monkeypatch):
    """Also when it is stopped and resumed, and where no process can read ahead; losses of what is held out too."""
    from pack.attention.training import reading

    expected = trainings.run(trained(in_memory))
    state = tmp_path / "a.state"
    trainings.run(trained(opened(folder), steps=1), state=state)
    resumed = trained(opened(folder))
    found = trainings.run(resumed, state=state)
    monkeypatch.setattr(reading.multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    alone = trainings.run(trained(opened(folder)))
    for each in (found, alone):
        assert trainings.equal(each.weights, expected.weights) and each.losses == expected.losses
    assert alone.checks == expected.checks
    assert resumed._drawing._reading._ahead is None, "no reader is left"


def test_pictures_that_are_read_together_are_those_that_were_kept(folder, rows, in_memory):
    """Each with its own numbers, whichever of them is its own reference."""
    examples = opened(folder).examples
    numbers = [5, 1, 3]
    for number, found in zip(numbers, examples.taken(numbers, examples.read(numbers)), strict=True):
        expected = in_memory.examples[number]
        assert torch.equal(found.latent, rows[number].latent) and torch.equal(found.text[0], expected.text[0])
        assert torch.equal(found.shown_hint, expected.shown_hint) and len(found.also) == len(expected.also)
        for left, right in zip((found.embeds, *found.also), (expected.embeds, *expected.also), strict=True):
            assert torch.equal(left.feature("face"), right.feature("face"))
    alone = rows[5].views[0].feature("face")
    for together in ([5, 1], [1, 5]):
        found = examples.taken(together, examples.read(together))[together.index(5)]
        assert torch.equal(found.embeds.feature("face"), alone)


def test_another_lesson_is_another_training(folder, rows, texts, tmp_path):
    from pack.attention.training import lesson
    from pack.attention.training.contents import contents
    from pack.attention.training.shards import write_shard

    before = contents(opened(folder))
    assert before == contents(opened(folder))
    changed = [replace(rows[4], latent=rows[4].latent + 1e-6), rows[5]]
    write_shard(lesson.shard_file(folder, 2), changed, texts, {})
    with pytest.raises(ValueError, match="000002.safetensors' is not the file that belongs to this lesson"):
        opened(folder)
    lesson.end(folder, 3)
    assert contents(opened(folder)) != before
    with pytest.raises(ValueError, match=r"made otherwise \(side 64 there, 128 now\). Choose another folder"):
        lesson.begin(folder, replace(made(), side=128))
    index = folder / "lesson.json"
    index.write_text(index.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(ValueError, match="of format 1; this version reads 2. Encode its pictures again, into an empty"):
        opened(folder)
    index.unlink()
    with pytest.raises(ValueError, match="has the files of a lesson without its lesson.json. Choose another"):
        lesson.begin(folder, replace(made(), side=128))
    assert not index.exists()


def test_a_missing_or_damaged_file_is_named(folder):
    from pack.attention.training.lesson import shard_file

    dataset = opened(folder)
    path = shard_file(folder, 0)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] + bytes(40))  # the last numbers of the last text
    with pytest.raises(ValueError, match="000000.safetensors' is missing or damaged .* is not what was written"):
        for example in dataset.examples:
            assert example.text
    for content in (whole[:500], b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is missing or damaged.*run the same 'run.py encode' again"):
            opened(folder)
    path.unlink()
    with pytest.raises(ValueError, match="is missing or damaged"):
        opened(folder)
    (folder / "lesson.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(ValueError, match="a lesson of format 1; this version reads 2"):
        opened(folder)
