"""What pages are told of a training: little, seldom, and what they need to show all of it."""

import pytest
from pack.nodes.training import course_row
from pack.nodes.training.course_row import POINTS, CourseRow, Curve


@pytest.fixture
def row(monkeypatch):
    """A row with a clock that is set by hand, and what it has sent."""
    monkeypatch.setattr(course_row, "_PACES", {})
    sent, clock = [], [0.0]
    made = CourseRow("5:7", "mine", lambda event, told: sent.append((event, told)), lambda: clock[0], 102)
    return made, sent, clock


def test_a_long_curve_stays_short_and_keeps_its_mean():
    curve = Curve()
    for value in range(10_000):
        curve.add(value)
    points = curve.points()
    assert POINTS / 2 <= len(points) <= POINTS
    assert points == sorted(points) and points[0] == pytest.approx(63.5) and points[-1] > 9900


def test_pages_are_told_seldom_and_of_every_change_at_once(row):
    made, sent, clock = row
    made.prepared(1, 9)
    made.prepared(2, 9)
    made.begun([0.5, 0.4], 102, True)
    for step in range(3, 103):  # the first takes 9 seconds, each further one a tenth
        clock[0] += 9 if step == 3 else 0.1
        made.step(step, 102, 0.1)
    assert len(sent) < 40
    assert [told["phase"] for _, told in sent[:2]] == ["preparing", "training"]
    assert sent[1][1] == {
        "node": "5:7", "name": "mine", "phase": "training", "done": 2, "of": 102, "resumable": True,
        "pace": None, "planned": 102, "loss": pytest.approx(0.45), "curve": [0.5, 0.4], "looks": [],
    }  # fmt: skip
    assert made.told()["pace"] == pytest.approx(0.1) and made.told()["loss"] == pytest.approx(0.1)
    assert made.finished([])["phase"] == "finished" and sent[-1][1]["done"] == 102
    assert CourseRow("9", "another").told()["former"] == pytest.approx(0.1), "the next one can be estimated by it"


def test_how_long_the_pictures_take_is_known_before_the_first_step(row):
    made, sent, clock = row
    for done in range(1, 5):
        clock[0] += 2.0
        made.prepared(done, 9)
    assert sent[0][1]["planned"] == 102 and "former" not in sent[0][1]
    assert made.told()["pace"] == pytest.approx(2.0)


def test_it_can_be_asked_to_stop_while_it_runs_alone(row):
    made, sent, _ = row
    with made.running():
        course_row.RUNNING["5:7"].ask_to_stop()
        made.step(1, 2, 0.1)
    assert made.is_asked() and sent[-1][1]["phase"] == "stopping" and not course_row.RUNNING


@pytest.mark.parametrize(
    ("begun", "interrupted", "phase", "of"),
    [(False, False, "failed", 0), (False, True, "unbegun", 0), (True, False, "failed", 9)],
)
def test_every_page_hears_of_what_ends_it(row, begun, interrupted, phase, of):
    made, sent, _ = row
    made.prepared(3, 5)
    if begun:
        made.begun([], 9, True)
    made.broken_off(interrupted)
    made.broken_off(interrupted)
    assert [told["phase"] for _, told in sent].count(phase) == 1 and sent[-1][1]["of"] == of


def test_an_error_is_told_and_goes_on(monkeypatch):
    told = []
    monkeypatch.setattr(CourseRow, "broken_off", lambda self, by_a_person: told.append(by_a_person))
    node = type("Node", (), {"hidden": None})
    with pytest.raises(KeyError), course_row.row_of(node, {"name": "mine"}):
        raise KeyError
    assert told == [False]
