"""Real photos: who is the same person and who is not."""

from itertools import combinations

import numpy as np
import pytest
from pack.face.average import AVERAGES, average
from pack.face.choose import choose
from pack.face.detect import Settings, find
from pack.face.embed import embed_batch, embeddings
from pack.face.similarity import cosine, similarities
from pack.face.value import PictureFaces

SAME, DIFFERENT = 0.5, 0.35
PEOPLE = {
    "obama": ("obama.jpg", "obama2.jpg", "obama3.jpg", "obama_partial_face.jpg", "obama_partial_face2.jpg"),
    "biden": ("biden.jpg",),
    "yao ming": ("yaoming.jpg",),
}


@pytest.fixture(scope="module", params=[False, True], ids=["one pass", "two passes"])
def known(request, embedded, photo):
    return [
        (person, max(embedded(photo(name), refine=request.param), key=lambda face: face.area))
        for person, names in PEOPLE.items()
        for name in names
    ]


def test_all_pairs_of_portraits(known):
    for (a, face_a), (b, face_b) in combinations(known, 2):
        alike = cosine(face_a, face_b)
        assert alike > SAME if a == b else alike < DIFFERENT, f"{a}, {b}: {alike:.3f}"


def test_one_person_is_found_in_a_crowd(known, embedded, photo):
    yao = next(face for person, face in known if person == "yao ming")
    alike = sorted((cosine(yao, face) for face in embedded(photo("players.jpg"))), reverse=True)
    assert len(alike) == 22
    assert alike[0] > SAME
    assert alike[1] < DIFFERENT


def test_players_are_different_people(embedded, photo):
    assert max(cosine(a, b) for a, b in combinations(embedded(photo("players.jpg")), 2)) < DIFFERENT


def test_twenty_nine_people_at_solvay(models, as_picture, photo):
    batch = find(models, as_picture(photo("solvay_conference_1927.jpg")), Settings(sizes=(640,), pad=False))
    faces = embed_batch(models, batch)[0].faces
    assert len(faces) == 29
    assert {str(face.rung) for face in faces} == {"640"}
    rows = embeddings(faces)
    assert 20 < np.linalg.norm(rows, axis=1).min() < np.linalg.norm(rows, axis=1).max() < 29
    alike = sorted((cosine(a, b) for a, b in combinations(faces, 2)), reverse=True)
    # 406 pairs of strangers in an old grey photo: one pair is a little over the line (0.374), none near a same person
    assert alike[0] < 0.4
    assert alike[1] < DIFFERENT


def test_most_like_finds_the_person(models, as_picture, photo, known):
    yao = next(face for person, face in known if person == "yao ming")
    players = embed_batch(models, find(models, as_picture(photo("players.jpg"))))
    (chosen,) = choose(players, "most like", like=yao)[0].faces
    assert cosine(chosen, yao) > SAME


@pytest.mark.parametrize("rule", AVERAGES)
def test_averaged_photos_are_as_like_a_further_photo_as_single_ones(known, rule):
    faces = [face for person, face in known if person == "obama"]
    rows, further = embeddings(faces[:-1]), faces[-1].unit_embedding
    mean = average(rows, rule)
    assert mean.outliers == ()
    single = rows / np.linalg.norm(rows, axis=1, keepdims=True) @ further
    alike = mean.embedding / np.linalg.norm(mean.embedding) @ further
    assert alike > np.median(single) - 0.05


def test_a_stranger_among_the_photos_is_an_outlier(known):
    faces = [face for person, face in known if person in ("obama", "biden")]
    found = average(embeddings(faces), outlier_below=DIFFERENT)
    assert found.outliers == (5,)
    assert found.likeness[5] < 0.1 < SAME < found.likeness[:5].min()


def test_similarities_of_two_pictures(known):
    left, right = (
        tuple(PictureFaces(face.picture, (face,)) for person, face in known if person == name)
        for name in ("obama", "biden")
    )
    assert similarities(left, left).min() > SAME
    assert similarities(left, right).max() < DIFFERENT
