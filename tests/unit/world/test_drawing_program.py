"""The program that draws the miniature world says the truth about its pictures."""

import numpy
import pytest

np_random = numpy.random.default_rng


@pytest.fixture(scope="module")
def world():
    from miniature.world import faces, people, pictures, shapes

    return faces, people, pictures, shapes


def test_the_same_seed_draws_the_same_pictures(world):
    *_, pictures, _ = world
    first, again, other = (pictures.draw_shapes(seed, 4) for seed in (5, 5, 6))
    for one, same in zip(first, again, strict=True):
        assert one.caption == same.caption and numpy.array_equal(one.pixels, same.pixels)
    assert not numpy.array_equal(first[0].pixels, other[0].pixels)


def test_a_shape_has_its_colour_and_background(world):
    *_, shapes = world
    for seed in range(20):
        shape = shapes.any_shape(np_random(seed))
        pixels = shapes.draw_shape(shape).astype(int)
        away = numpy.abs(pixels - shapes.BACKGROUNDS[shape.background]).max(-1)
        assert (away <= 2).mean() > 0.3 and away[0, 0] <= 2
        assert (numpy.abs(pixels - shapes.COLOURS[shape.colour]).max(-1) <= 2).mean() > 0.03


def test_a_caption_tells_what_is_asked_for(world):
    *_, shapes = world
    shape = shapes.any_shape(np_random(1))
    assert shapes.caption_shape(shape, frozenset()) == "a thing"
    full = shapes.caption_shape(shape)
    assert all(word in full for word in (shape.colour, shape.texture, shape.shape, shape.background))


def test_keypoints_lie_on_the_pupils(world):
    faces, *_ = world
    for seed in range(20):
        random = np_random(seed)
        identity, pose = faces.any_identity(random), faces.any_pose(random)
        pixels = faces.draw_face(identity, pose).astype(int)
        for x, y in faces.keypoints(pose)[:2]:
            near = pixels[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].reshape(-1, 3)
            assert numpy.abs(near - faces.EYES[identity.eyes]).max(-1).min() < 40


def test_a_face_s_caption_never_tells_who_it_is(world):
    faces, _, pictures, _ = world
    words = {value for name, values in faces.IDENTITY.items() if name != "eyes" for value in values} - {
        "no",
        "yes",
        "white",
    }
    for drawn in pictures.draw_faces(3, 30, pictures.identities(3, 30)):
        assert not words & set(drawn.caption.replace(",", "").split())


def test_strangers_are_none_of_the_people_trained_on(world):
    _, people, *_ = world
    known = {people.named(each) for each in people.trained_on()}
    others = [people.named(each) for each in people.strangers()]
    assert len(set(others)) == people.STRANGERS and not known & set(others)


def test_the_committed_weights_are_small(world):
    from miniature.world import files

    sizes = [path.stat().st_size for path in files.WEIGHTS.glob("*.safetensors")]
    assert len(sizes) == 7 and sum(sizes) <= 25_000_000
