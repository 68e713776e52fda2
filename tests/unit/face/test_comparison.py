"""Judged pictures of several methods -> means, the best of a column, Markdown and CSV."""

import csv
import io

import numpy as np
import pytest
from pack.face.similarity import copy_paste

comparison = pytest.importorskip("pack.nodes.people.comparison", reason="needs ComfyUI: set LIKENESS_COMFYUI")


def at(face, degrees):
    vector = np.zeros(512)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return face(embedding=vector)


@pytest.fixture
def methods(face):
    """The photos lie 60 degrees apart; 'copier' is 10 from the reference, 'person' 30 from both and once without a face."""
    reference, truth = at(face, 0), at(face, 60)

    def judged(number, degrees, **seen):
        if degrees is None:
            return comparison.Judged(number, None, 0, seen)
        one = at(face, degrees)
        return comparison.Judged(number, one, 1, {**comparison.of_face(one, reference, truth), **seen})

    copier = comparison.Method("=copier", (judged(1, 10, text_similarity=0.2),))
    person = comparison.Method(
        "a | person", (judged(1, 30, text_similarity=0.3), judged(2, None, text_similarity=0.25))
    )
    nobody = comparison.Method("nobody", (judged(1, None),))
    return copier, person, nobody


def test_what_is_measured_of_a_face(face):
    reference, truth, made = at(face, 0), at(face, 60), at(face, 10)
    assert comparison.of_face(made, reference, None) == pytest.approx({"similarity": np.cos(np.radians(10))})
    found = comparison.of_face(made, reference, truth)
    assert found["truth_similarity"] == pytest.approx(np.cos(np.radians(50)))
    assert found["copy_paste"] == copy_paste(made, reference, truth) == pytest.approx(40 / 60)
    assert set(comparison.of_face(made, reference, at(face, 0))) == {"similarity", "truth_similarity"}


def test_a_table_of_means_has_its_best_in_bold(methods):
    heads, _, copier, person, nobody = comparison.as_markdown(methods).splitlines()
    assert heads == "| method | likeness | other photo | copy-paste | text | no face |"
    assert copier == "| =copier | **0.985** | 0.643 | 0.667 | 0.200 | 0 of 1 |"
    assert person == "| a / person | 0.866 | **0.866** | **-0.000** | **0.275** | 1 of 2 |".replace("-0.000", "0.000")
    assert nobody == "| nobody |  |  |  |  | 1 of 1 |"
    assert comparison.best(methods[:1], "similarity") is None


def test_the_file_has_a_line_for_each_picture_that_no_spreadsheet_computes(methods):
    text = comparison.as_csv(methods, {"recogniser": "R", "encoder": "", "prompt": 'a "cat", @home'})
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["method"] for row in rows] == ["'=copier", "a | person", "a | person", "nobody"]
    assert [row["picture"] for row in rows] == ["1", "1", "2", "1"]
    assert float(rows[0]["similarity"]) == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert rows[2]["similarity"] == rows[2]["copy_paste"] == "" and rows[2]["faces"] == "0"
    assert rows[2]["text_similarity"] == "0.250000" and not any(row["plain_similarity"] for row in rows)
    assert all(row["prompt"] == 'a "cat", @home' and row["recogniser"] == "R" for row in rows)
