"""Faces without their photos: what is kept of them, and what is refused of what others wrote."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from pack.face.align import can_crop, crop
from pack.face.errors import MissingFace, MissingPhoto
from pack.face.person_numbers import numbers_of
from pack.face.picture import pictures
from pack.face.preview import preview, small
from pack.face.saved import packed, unpacked, without_photos
from pack.face.square import has_square, square
from pack.face.value import Face, PictureFaces, Rung, frozen

FIVE = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)], np.float32)


def made(counts=(2, 0, 1)):
    """A batch with so many faces in its pictures, no two numbers alike; the first face has an outline, the last no embedding."""
    rng = np.random.default_rng(1)
    shots = pictures(torch.rand(len(counts), 96, 128, 3, generator=torch.Generator().manual_seed(0)))
    faces = [
        Face(
            shots[0], frozen(np.sort(rng.uniform(0, 90, 4))), frozen(FIVE + i), 0.7 + i / 100, Rung(size=(640, 640), refined=i > 0),
            embedding=frozen(rng.normal(size=512)), recogniser=("ResNet100", "ResNet50")[i % 2],
        )
        for i in range(sum(counts))
    ]  # fmt: skip
    faces[0] = replace(faces[0], oval=frozen(rng.uniform(0, 90, (17, 2))))
    faces[-1] = replace(faces[-1], embedding=None, recogniser=None)
    left = iter(faces)
    return tuple(
        PictureFaces(shot, tuple(replace(next(left), picture=shot) for _ in range(count)))
        for shot, count in zip(shots, counts, strict=True)
    )


def kept(size=0):
    return unpacked(*packed(without_photos(made(), size)))


def test_people_keep_their_numbers_and_files_without_them_are_read():
    batch = made((2, 1))
    numbered = tuple(
        replace(
            entry, faces=tuple(replace(face, number=number) for face, number in zip(entry.faces, numbers, strict=True))
        )
        for entry, numbers in zip(batch, ((7, 3), (2,)), strict=True)
    )
    arrays, words = packed(without_photos(numbered))
    plain = packed(without_photos(batch))
    assert [numbers_of(entry.faces) for entry in unpacked(arrays, words)] == [(7, 3), (2,)]
    assert set(plain[1]) == {"pictures", "recognisers", "found"}, "as files were before"
    assert set(arrays) == set(plain[0]), "which earlier versions of the pack read too"
    assert [numbers_of(entry.faces) for entry in unpacked(*plain)] == [(1, 2), (1,)]


def same(one, other):
    return (one is None) == (other is None) and (one is None or np.array_equal(one, other))


@pytest.mark.parametrize("size", [0, 224])
def test_everything_but_the_photo_comes_back_bit_for_bit(size):
    for before, after in zip(made(), kept(size), strict=True):
        assert after.picture.photo is None
        for name in ("index", "count", "size", "digest", "name"):
            assert getattr(after.picture, name) == getattr(before.picture, name)
        assert len(after.faces) == len(before.faces)
        for one, other in zip(before.faces, after.faces, strict=True):
            assert all(
                same(getattr(one, name), getattr(other, name)) for name in ("box", "keypoints", "oval", "embedding")
            )
            assert (one.score, one.recogniser, str(one.rung)) == (other.score, other.recogniser, str(other.rung))
            assert other.picture is after.picture


def test_the_crop_is_the_one_of_the_photo():
    for before, after in zip(made(), kept(224), strict=True):
        for one, other in zip(before.faces, after.faces, strict=True):
            assert np.array_equal(crop(other, 224), crop(one, 224))
            assert can_crop(other, 224) and not can_crop(other, 112)
            with pytest.raises(
                MissingPhoto, match="an upright crop of 224 pixels; one of 112 is needed.*'crop' set to 112"
            ):
                crop(other, 112)


def test_the_square_is_the_one_of_the_photo():
    after = unpacked(*packed(without_photos(made(), unaligned=True)))
    for one, other in zip(made()[0].faces, after[0].faces, strict=True):
        assert np.array_equal(square(other), square(one)) and has_square(other)
    bare = kept(224)[0].faces[0]
    assert not has_square(bare)
    with pytest.raises(MissingPhoto, match="no square around the face.*'crop' set to '336 square'"):
        square(bare)
    arrays, words = packed(without_photos(made(), unaligned=True))
    with pytest.raises(ValueError, match="'square' is uint8"):
        unpacked(spoilt(arrays, "square", lambda pixels: pixels[:, :224]), words)


def test_without_a_crop_it_is_said_what_is_missing():
    face = kept()[0].faces[0]
    with pytest.raises(MissingPhoto, match="picture 1 of 3 is not there.*no upright crop; one of 224 is needed"):
        crop(face, 224)
    with pytest.raises(MissingPhoto, match="The photo of picture 1 of 3 is not there"):
        _ = face.picture.pixels
    with pytest.raises(MissingPhoto):
        without_photos(kept(), 224)
    assert np.array_equal(without_photos(kept(224), 224)[0].faces[0].upright, kept(224)[0].faces[0].upright)


def test_no_face_at_all_is_no_file():
    with pytest.raises(MissingFace, match="No face found in any picture"):
        packed(without_photos(tuple(replace(entry, faces=()) for entry in made()[:2])))


def test_what_is_kept_is_shown():
    plain, pictured = preview(kept()[0]), preview(kept(224)[0])
    assert plain.shape == pictured.shape == (96, 128, 3)
    assert plain.any() and pictured.sum() > plain.sum()
    assert not small(kept()[0]).any() and small(kept(224)[0]).any()


def spoilt(arrays, name, change):
    return {**arrays, name: change(np.array(arrays[name]))}


def put(value, place=(0,)):
    def change(array):
        array[place] = value
        return array

    return change


ARRAYS = {
    "NaN": ("keypoints", put(np.nan), "'keypoints' contains NaN"),
    "infinity": ("embedding", put(np.inf), "'embedding' contains NaN or infinite"),
    "a point far away": ("box", put(3e38), "'box' has points more than"),
    "an outline far away": ("oval", put(-2e6), "'oval' has points more than"),
    "one face less": ("box", lambda a: a[1:], r"'box' is float32 \(2, 4\); float32 \(3, 4\) is expected"),
    "another type": ("score", lambda a: a.astype(np.float32), "'score' is float32"),
    "shorter embeddings": ("embedding", lambda a: a[:, :128], r"'embedding' is float32 \(2, 128\)"),
    "an unknown recogniser": ("recogniser", put(2), "'recogniser' names what is not in its list"),
    "a way before the first": ("found", put(-1), "'found' names what is not in its list"),
    "a longer outline": ("oval_length", put(18), "'oval' is float32"),
    "an endless outline": ("oval_length", put(1 << 40), "lengths that no outline has"),
    "a negative outline": ("oval_length", put(-1), "lengths that no outline has"),
    "a crop of no known size": ("crop", lambda a: a[:, :100, :100], "'crop' is uint8"),
    "grey crops": ("crop", lambda a: a[..., 0], "'crop' is uint8"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_that_are_no_faces_are_refused(case):
    name, change, says = ARRAYS[case]
    arrays, words = packed(without_photos(made(), 224))
    with pytest.raises(ValueError, match=says):
        unpacked(spoilt(arrays, name, change), words)


@pytest.mark.parametrize(
    "name", ["box", "keypoints", "score", "recogniser", "found", "oval_length", "embedding", "oval"]
)
def test_a_missing_array_is_named(name):
    arrays, words = packed(without_photos(made()))
    del arrays[name]
    with pytest.raises(ValueError, match=f"'{name}' is missing"):
        unpacked(arrays, words)


def test_an_unknown_array_is_named():
    arrays, words = packed(without_photos(made()))
    with pytest.raises(ValueError, match="'mood', which is nothing of a face"):
        unpacked({**arrays, "mood": np.zeros(3)}, words)


GOOD = [128, 96, "ab" * 16, 3]
WORDS = {
    "no list": ("pictures", "{}", "does not say its pictures"),
    "no JSON": ("pictures", "[", "does not say its pictures"),
    "nested without end": ("pictures", "[" * 100_000, "does not say its pictures"),
    "nothing": ("pictures", "[]", "no face in it"),
    "no face": ("pictures", [[*GOOD[:3], 0]], "no face in it"),
    "three fields": ("pictures", [GOOD[:3]], "picture 1 is no width"),
    "true for a width": ("pictures", [[True, *GOOD[1:]]], "picture 1 is no width"),
    "a width of none": ("pictures", [[0, *GOOD[1:]]], "0x96 with 3 faces"),
    "endless": ("pictures", [[1 << 40, *GOOD[1:]]], "which no picture is"),
    "fewer than none": ("pictures", [[*GOOD[:3], -3]], "with -3 faces"),
    "a path for a hash": ("pictures", [[128, 96, "../" * 10 + "ab", 3]], "picture 1 has no hash"),
    "more faces than there are": ("pictures", [[*GOOD[:3], 4]], "(4, 4) is expected"),
    "numbers for recognisers": ("recognisers", [1, 2], "its recognisers are no names"),
    "a number for no face": ("numbers", [1, 2], "its numbers are none of 3 people"),
    "a name for a number": ("numbers", [1, 2, "3"], "its numbers are none of 3 people"),
    "a number that nobody has": ("numbers", [1, 2, 1 << 40], "its numbers are none of 3 people"),
    "true for a number": ("numbers", [1, 2, True], "its numbers are none of 3 people"),
    "long names": ("found", ["a" * 1000], "its found are no names"),
}


@pytest.mark.parametrize("case", WORDS)
def test_words_that_are_no_faces_are_refused(case):
    name, value, says = WORDS[case]
    arrays, words = packed(without_photos(made()))
    text = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises(ValueError) as caught:
        unpacked(arrays, {**words, name: text})
    assert says in str(caught.value)
