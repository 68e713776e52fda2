"""Several photos of one person become one embedding, and strangers are noticed."""

import numpy as np
import pytest
from pack.face.average import AVERAGES, average, likeness, unit


@pytest.fixture
def photos(embedding):
    me = embedding(0)
    return np.stack([embedding(i, near=me, mix=0.4) * (1 + i) for i in range(1, 4)])


@pytest.mark.parametrize("rule", AVERAGES)
def test_one_photo_stays_as_it_is(embedding, rule):
    one = embedding(1)[None]
    assert np.allclose(average(one, rule).embedding, one[0], atol=1e-5)
    assert average(one, rule).outliers == ()


def test_mean_gives_every_photo_the_same_say(photos):
    result = average(photos, "mean").embedding
    assert np.allclose(unit(result[None]), unit(unit(photos).sum(axis=0, keepdims=True)), atol=1e-6)
    assert np.linalg.norm(result) == pytest.approx(np.linalg.norm(photos, axis=1).mean(), rel=1e-5)


def test_weighted_by_norm_is_the_plain_mean(photos):
    assert np.allclose(average(photos, "weighted by norm").embedding, photos.mean(axis=0), atol=1e-5)


def test_best_photo_is_the_one_most_like_the_others(embedding):
    me = embedding(0)
    photos = np.stack([embedding(1, me, 0.5), embedding(2, me, 0.05), embedding(3, me, 0.5), embedding(9)])
    assert np.array_equal(average(photos, "best photo").embedding, photos[1])


def test_of_two_equal_photos_the_longer_embedding_is_best(embedding):
    photo = embedding(1)
    assert np.array_equal(average(np.stack([photo, 2 * photo]), "best photo").embedding, 2 * photo)


def test_a_stranger_is_reported_and_left_out_on_request(photos, embedding):
    mixed = np.concatenate([photos, embedding(50)[None]])
    found = average(mixed, "mean", 0.35)
    assert found.outliers == (3,)
    assert found.likeness[3] < 0.2 < 0.5 < found.likeness[:3].min()
    dropped = average(mixed, "mean", 0.35, drop=True)
    assert np.allclose(dropped.embedding, average(photos, "mean").embedding)
    assert dropped.outliers == (3,)


def test_if_all_are_strangers_none_is_left_out(embedding):
    strangers = np.stack([embedding(i) for i in range(3)])
    result = average(strangers, "weighted by norm", drop=True)
    assert result.outliers == (0, 1, 2)
    assert np.allclose(result.embedding, strangers.mean(axis=0), atol=1e-6)


def test_likeness_does_not_depend_on_length(photos):
    assert np.allclose(likeness(photos), likeness(photos * np.array([[1], [7], [0.1]], np.float32)), atol=1e-5)


def test_no_photo_is_an_error():
    with pytest.raises(ValueError, match="no face to average"):
        average(np.empty((0, 512), np.float32))
