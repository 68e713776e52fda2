"""Face Similarity shows the two faces with a bar between them, and runs alone."""

import shutil

import pytest
from serving.fixtures import DATA
from serving.patience import until

from .frontend import RENDERERS
from .test_alone import values
from .test_render_keypoints import GRAPH

PEOPLE = ("obama.jpg", "obama2.jpg", "biden.jpg")
NODE = "LikenessFaceSimilarity"
# Verdict of each row, where its middle is and how wide, how far its bar reaches, and whether both faces are seen.
ROWS = """() => [...document.querySelectorAll('.likeness-match')].map(row => {
    const wide = one => row.querySelector(one).getBoundingClientRect().width
    const isSeen = one => {
        const { left, top, width, height } = one.getBoundingClientRect()
        return width > 8 && one.contains(document.elementFromPoint(left + width / 2, top + height / 2))
    }
    return {
        verdict: row.querySelector('.likeness-verdict').innerText.replace(/\\s+/g, ' '),
        share: wide('.likeness-reached') / wide('.likeness-rail'),
        faces: [...row.querySelectorAll('.likeness-judged')].map(isSeen),
        colour: getComputedStyle(row.querySelector('.likeness-reached')).fill
    }
})"""


@pytest.fixture
def photos(api):
    for name in PEOPLE:
        shutil.copy(DATA / "photos" / name, api.server.base / "input" / name)
    return PEOPLE


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_bar_between_two_faces_says_how_alike_they_are(renderer, frontend, page, photos):
    frontend.renderer(renderer)
    kinds = [["LikenessLoadFaceModels", 0, {"pack": "vectron"}]]
    kinds += [["LoadImage", 300 * i, {"image": name}] for i, name in enumerate(photos)]
    kinds += [["LikenessFindFaces", 400 + 400 * i, {}] for i in range(3)]
    kinds += [[NODE, 1700, {}], [NODE, 2200, {}]]
    links = [[i, i + 3, "image"] for i in (1, 2, 3)] + [[0, i, "face_models"] for i in (4, 5, 6)]
    *_, same, other = page.evaluate(
        GRAPH, [kinds, [*links, [4, 7, "faces"], [5, 7, "reference"], [6, 8, "faces"], [5, 8, "reference"]]]
    )
    frontend.show(same)
    saved = frontend.workflow()
    run = frontend.run_alone("Compare now")
    assert run.succeeded, run.messages
    until(lambda: len(page.evaluate(ROWS)) == 1, "the bar of the node that was run alone")
    assert values(frontend.workflow()) == values(saved)
    assert frontend.queue().succeeded
    frontend.show(same, other)
    until(lambda: len(page.evaluate(ROWS)) == 2, "both bars")
    first, second = page.evaluate(ROWS)
    frontend.picture(f"likeness meter {renderer}")
    assert first["verdict"].endswith("same person") and second["verdict"].endswith("another person")
    for row in (first, second):
        assert row["faces"] == [True, True]
        assert row["share"] == pytest.approx(float(row["verdict"].split()[0]), abs=0.02)
    assert first["share"] > 0.5 and second["share"] < 0.35 and first["colour"] != second["colour"]
    page.get_by_text("This looks like the person.").wait_for()
    page.get_by_role("button", name="Weak likeness?").click()
    panel = page.get_by_test_id("properties-panel")
    panel.get_by_role("heading", name="Weak likeness").wait_for()
    frontend.picture(f"help of weak likeness {renderer}")
    frontend.setting("Comfy.RightSidePanel.IsOpen", False)
