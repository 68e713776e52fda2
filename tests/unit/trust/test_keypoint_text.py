"""Keypoints as JSON from strangers: a picture or one clear error, whatever the text is."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pack.face.draw import draw_keypoints
from pack.face.pose import FARTHEST, Pose, fitted, from_json, posed, to_json

pytest.importorskip("cv2", reason="needs OpenCV")
POINT = "[1, 1]"
FACE = f"[{', '.join([POINT] * 5)}]"


def sheet(width="64", height="64", faces=f"[{FACE}]"):
    return f'{{"width": {width}, "height": {height}, "faces": {faces}}}'


def face_with(number):
    return f"[[{', '.join([POINT] * 4 + [f'[{number}, 1]'])}]]"


REFUSED = {
    "nothing": "",
    "no JSON": "{width: 64}",
    "a number of 5,000 digits": sheet(width="9" * 5000),
    "a width of 5,000 digits, rounded": sheet(width="9" * 400 + "e0"),
    "a list": "[]",
    "null": "null",
    "nested 200,000 deep": "[" * 200_000,
    "faces nested 100,000 deep": sheet(faces="[" * 100_000),
    "two megabytes": sheet(faces=f"[{', '.join([FACE] * 60_000)}]"),
    "width 0": sheet(width="0"),
    "width -5": sheet(width="-5"),
    "width 1e9": sheet(width="1000000000"),
    "width 64.5": sheet(width="64.5"),
    "width true": sheet(width="true"),
    "width NaN": sheet(width="NaN"),
    "height null": sheet(height="null"),
    "faces a dictionary": sheet(faces="{}"),
    "a face a number": sheet(faces="[7]"),
    "a face of four points": sheet(faces=f"[[{', '.join([POINT] * 4)}]]"),
    "a face of six points": sheet(faces=f"[[{', '.join([POINT] * 6)}]]"),
    "a point of three numbers": sheet(faces=f"[[{', '.join([POINT] * 4 + ['[1, 2, 3]'])}]]"),
    "a point a text": sheet(faces=face_with('"1"')),
    "a point true": sheet(faces=face_with("true")),
    "a point NaN": sheet(faces=face_with("NaN")),
    "a point Infinity": sheet(faces=face_with("-Infinity")),
    "a point of 400 digits": sheet(faces=face_with("9" * 400)),
    "a point at 1e308": sheet(faces=face_with("1e308")),
    "a point at 1e9": sheet(faces=face_with("1e9")),
    "a byte of nothing": "\0",
    "half a surrogate": '{"width": "\\ud800"}',
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_said_in_a_few_words(case):
    begun = time.process_time()
    with pytest.raises(ValueError) as caught:
        from_json(REFUSED[case])
    assert time.process_time() - begun < 10
    assert 20 < len(str(caught.value)) < 500


def test_no_face_is_an_empty_sheet():
    assert from_json(sheet(faces="[]")).faces == ()


numbers = st.floats(-FARTHEST, FARTHEST, width=32)
points = st.lists(st.tuples(numbers, numbers), min_size=5, max_size=5)


@settings(max_examples=60, deadline=None)
@given(faces=st.lists(points, max_size=3), width=st.integers(1, 96), height=st.integers(1, 96))
def test_what_is_read_can_be_drawn_and_is_written_the_same(faces, width, height):
    text = json.dumps({"width": width, "height": height, "faces": faces})
    read = from_json(text)
    assert from_json(to_json(read)).size == (width, height)
    assert draw_keypoints(read.faces, read.size).shape == (height, width, 3)


@settings(max_examples=60, deadline=None)
@given(
    face=points,
    pose=st.builds(
        Pose,
        st.floats(0.05, 20),
        st.floats(-180, 180),
        st.floats(-16384, 16384),
        st.floats(-16384, 16384),
        st.booleans(),
    ),
    target=st.tuples(st.integers(1, 64), st.integers(1, 64)),
)
def test_every_pose_is_drawn_or_said_to_be_too_far_away(face, pose, target):
    points = posed(fitted(np.array(face, np.float32), (64, 64), target, "fill"), pose, target)
    try:
        assert draw_keypoints([points], target).shape == (target[1], target[0], 3)
    except ValueError as error:
        assert "is not a position in a picture" in str(error)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e9])
def test_a_point_that_is_nowhere_is_not_drawn(bad):
    points = np.ones((5, 2), np.float32)
    points[3, 1] = bad
    with pytest.raises(ValueError, match="Face 1 of 1 .* is not a position in a picture"):
        draw_keypoints([points], (32, 32))


@settings(max_examples=150, deadline=None)
@given(text=st.one_of(st.text(max_size=80), st.binary(max_size=80).map(lambda b: b.decode("latin-1"))))
def test_any_text_is_read_or_refused(text):
    try:
        from_json(text)
    except ValueError as error:
        assert str(error)
