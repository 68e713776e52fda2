"""What is shown as the reference of a picture: another of its subject, its mirror image, a part of it; or itself, as ever."""

from dataclasses import replace

import pytest
import torch
from trainings import dataset, equal, run, settings, world


def trained(examples, **changes):
    from pack.attention.training.train import trainer_for

    given = replace(dataset("sd15", "base"), examples=tuple(examples))
    return trainer_for(world("sd15").model, given, "base", settings(**changes))


def test_the_others_of_a_subject_are_its_references_the_next_one_first():
    from pack.attention.training.references import of_subject

    found = of_subject(["ann", "bob", "ann", "", "ann", "ann"], ["a", "b", "c", "d", "e", "a"])
    assert found == [[2, 4], [], [4, 5, 0], [], [5, 0, 2], [2, 4]]  # the last is the first picture again


def test_each_is_shown_as_often_as_any_other():
    from pack.attention.training.references import drawn, referring

    examples = dataset("sd15", "base").examples[:3]
    views = [[example.embeds, example.embeds.with_features()] for example in examples]
    first, alone, _ = referring(examples, views, [[1, 2], [], [0]])
    generator = torch.Generator().manual_seed(0)
    shown = [id(drawn(first, generator)) for _ in range(4000)]
    assert {each: shown.count(each) / 4000 for each in set(shown)} == pytest.approx(
        {id(view): 0.25 for number in (1, 2) for view in views[number]}, abs=0.03
    )
    assert alone.embeds is views[1][0] and list(alone.also) == [views[1][1]]


def test_what_is_shown_is_what_is_learned_and_the_rest_of_a_step_stays():
    """With a reference that is the same each time the weights are those of that reference, whatever else is drawn."""
    examples = dataset("sd15", "base").examples
    swapped = [replace(example, embeds=examples[(n + 1) % 6].embeds) for n, example in enumerate(examples)]
    twice = [replace(example, also=(example.embeds,)) for example in swapped]
    own, other, drawn = (run(trained(each, steps=1)).weights for each in (examples, swapped, twice))
    assert equal(other, drawn) and not equal(own, other)


def test_a_state_tells_references_apart(tmp_path):
    from pack.attention.training.contents import contents

    given = dataset("sd15", "base")
    first, second, third = given.examples[:3]
    hashes = [
        contents(replace(given, examples=(replace(first, also=also), second)))
        for also in ((), (second.embeds,), (third.embeds,), (second.embeds, third.embeds))
    ]
    assert len(set(hashes)) == 4


def test_views_are_the_picture_its_mirror_image_and_parts():
    from pack.attention.training.references import CROPS, views_of

    picture = torch.arange(20 * 30.0).reshape(1, 20, 30, 1)
    assert [view.shape for view in views_of(picture, False, 1.0, 0)] == [picture.shape]
    own, mirrored, *parts = views_of(picture, True, 0.5, 7)
    assert torch.equal(own, picture) and torch.equal(mirrored, picture.flip(2)) and len(parts) == CROPS
    for part in parts:
        assert 10 <= part.shape[1] <= 20 and 15 <= part.shape[2] <= 30 and part.shape != picture.shape
        straight = part if part[0, 0, 0, 0] < part[0, 0, -1, 0] else part.flip(2)
        rows, columns = straight[0, :, :, 0].diff(dim=0), straight[0, :, :, 0].diff(dim=1)
        assert rows.eq(30).all() and columns.eq(1).all()  # pixels that lie beside each other in the picture
    assert all(torch.equal(a, b) for a, b in zip(parts, views_of(picture, True, 0.5, 7)[2:], strict=True))


def test_lines_of_subjects_are_one_for_each_picture():
    from pack.nodes.training.reference_inputs import Views, subjects_for

    assert subjects_for(["ann\n\nbob "], 3) == ["ann", "", "bob"] == subjects_for(["ann", "", "bob"], 3)
    assert subjects_for([""], 2) == subjects_for([], 2) == ["", ""]
    with pytest.raises(ValueError, match="there are 3 pictures and 2 lines in 'subjects'"):
        subjects_for(["ann\nbob"], 3)
    with pytest.raises(ValueError, match="crop_reference is 0"):
        Views(crop=0)


def test_a_picture_that_is_left_out_is_nobodys_reference():
    from pack.nodes.training.dataset import CaptionedPictures

    given = CaptionedPictures([torch.zeros(1, 8, 8, 3)] * 3, ["a", "b", "c"], None, None, 64, [[1, 2], [2, 0], [0, 1]])
    kept = given.only([0, 2])
    assert (kept.captions, kept.partners) == (["a", "c"], [[1], [0]])
    assert "2 of 2" in kept.told() and given.only([1]).told() == ""
