"""One face of every picture: by a rule, in a batch that never gets shorter."""

import numpy as np
import pytest
from pack.face.choose import ORDERS, choose, choose_several, numbers, ordered, skipped
from pack.face.errors import MissingFace, WrongRecogniser
from pack.face.join import joined
from pack.face.person_numbers import keeping_numbers, numbers_of


@pytest.fixture
def crowd(picture, face, faces_of, embedding):
    (shown,) = picture(200, 100)
    small_left = face((10, 40, 20, 50), 0.9, embedding(1), of=shown)
    large_right = face((140, 0, 200, 90), 0.8, embedding(2), of=shown)
    middle = face((85, 35, 115, 65), 0.7, embedding(3), of=shown)
    return faces_of(shown, small_left, large_right, middle)


@pytest.mark.parametrize(
    ("rule", "places"),
    [("largest", [1, 2, 0]), ("left to right", [0, 2, 1]), ("as numbered", [0, 1, 2]), ("most central", [2, 1, 0])],
)
def test_rules(crowd, rule, places):
    assert list(ordered(crowd, rule)) == [crowd.faces[i] for i in places]
    for n, place in enumerate(places):
        assert choose((crowd,), rule, n)[0].faces == (crowd.faces[place],)


def test_most_like_compares_embeddings(crowd, face, embedding):
    like = face(embedding=embedding(8, near=embedding(3), mix=0.3))
    assert choose((crowd,), "most like", like=like)[0].faces == (crowd.faces[2],)


def test_most_like_needs_a_face_and_embeddings_of_one_recogniser(crowd, face, embedding):
    with pytest.raises(ValueError, match="connect that other face to 'like'"):
        choose((crowd,), "most like")
    with pytest.raises(ValueError, match="1 of 2 faces have no embedding"):
        choose((crowd,), "most like", like=face())
    with pytest.raises(WrongRecogniser, match="ResNet100, ResNet50"):
        choose((crowd,), "most like", like=face(embedding=embedding(1), recogniser="ResNet50"))


def test_a_batch_keeps_its_length_and_a_missing_face_is_named(crowd, picture, faces_of):
    batch = tuple(faces_of(shown, *(crowd.faces if i != 2 else ())) for i, shown in enumerate(picture(count=5)))
    with pytest.raises(MissingFace, match="No face found in picture 3 of 5"):
        choose(batch)
    chosen = choose(batch, missing="skip")
    assert [len(entry.faces) for entry in chosen] == [1, 1, 0, 1, 1]
    assert skipped(chosen) == ["no face in picture 3 of 5: skipped"]


def test_a_number_too_high_says_how_many_there_are(crowd):
    with pytest.raises(
        MissingFace, match=r"Face 4 was asked for, by 'index' 3, which counts from 0; picture 1 of 1 shows 3"
    ):
        choose((crowd,), index=3)


@pytest.mark.parametrize("rule", [rule for rule in ORDERS if rule != "most like"])
def test_of_equals_the_better_score_comes_first(picture, face, faces_of, rule):
    (shown,) = picture(100, 100)
    twins = [face((40, 40, 60, 60), score, of=shown) for score in (0.9, 0.8, 0.7)]
    assert list(ordered(faces_of(shown, *twins), rule)) == twins


def test_faces_cannot_be_changed(crowd):
    with pytest.raises(ValueError, match="read-only"):
        crowd.faces[0].box[0] = 5
    assert np.isclose(np.linalg.norm(crowd.faces[0].unit_embedding), 1, atol=1e-6)


def test_several_go_on_in_the_order_in_which_they_are_listed(crowd):
    first, second, third = crowd.faces
    assert choose_several((crowd,), numbers("3, 1"))[0].faces == (third, first)
    assert choose_several((crowd,), numbers(" 2;4 1 "), "skip")[0].faces == (second, first)
    assert numbers("") == ()


def test_several_that_are_not_there_or_no_numbers_are_named(crowd):
    with pytest.raises(MissingFace, match="Face 4 was asked for, by 'several'; picture 1 of 1 shows 3"):
        choose_several((crowd,), numbers("2, 4"))
    for text in ("0", "1, two", "-1", "1.5"):
        with pytest.raises(ValueError, match="such as '3, 1', counted from 1; found"):
            numbers(text)
    with pytest.raises(ValueError, match="lists a face twice: '2, 1, 2'"):
        numbers("2, 1, 2")


def test_people_keep_the_number_that_they_were_chosen_by(crowd):
    chosen = keeping_numbers((crowd,), choose_several((crowd,), (3, 1)))
    assert numbers_of(chosen[0].faces) == (3, 1)
    assert choose_several(chosen, (1, 3))[0].faces == chosen[0].faces[::-1], "and by which they are chosen again"
    with pytest.raises(MissingFace, match="Face 2 was asked for, by 'several'; chosen before in picture 1 of 1: 3, 1"):
        choose_several(chosen, (2,))
    again = keeping_numbers(chosen, choose(chosen, "as numbered", 1))
    assert numbers_of(again[0].faces) == (1,), "also through a second choice"
    assert numbers_of(crowd.faces) == (1, 2, 3)
    alike = joined([choose((crowd,)), chosen, chosen])
    assert numbers_of([face for entry in alike for face in entry.faces]) == (1, 2, 3, 4, 5), "no two share one"
