"""Compare Methods shows its table on the node: a row for each input, the best in bold, a picture without a face as such."""

import csv

import pytest
from serving.patience import until

from .frontend import RENDERERS
from .test_face_similarity import photos  # noqa: F401  a fixture
from .test_render_keypoints import GRAPH

NODE = "LikenessCompareMethods"
KINDS = [
    ["LikenessLoadFaceModels", 0, {"pack": "vectron"}],
    ["LoadImage", 300, {"image": "obama.jpg"}],
    ["LoadImage", 600, {"image": "obama2.jpg"}],
    ["LoadImage", 900, {"image": "biden.jpg"}],
    ["LoadImage", 1200, {"image": "photo.png"}],
    ["LikenessFindFaces", 1500, {}],
    [NODE, 1900, {"labels": "the same person\nsomebody else"}],
]
LINKS = [[0, 5, "face_models"], [1, 5, "image"], [0, 6, "face_models"], [5, 6, "reference"]]
CELLS = """() => [...document.querySelectorAll('.likeness-methods tbody tr')].map(row => ({
    verdict: row.dataset.verdict,
    cells: [...row.querySelectorAll('th, td')].map(cell => cell.innerText.trim().replace(/\\s+/g, ' ')),
    best: row.querySelectorAll('strong').length,
    fits: row.closest('.likeness-methods').scrollWidth <= row.closest('.likeness-methods').clientWidth
}))"""


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_table_on_the_node_compares_the_methods(renderer, frontend, page, photos, photo, server):  # noqa: F811
    frontend.renderer(renderer)
    made = page.evaluate(GRAPH, [KINDS, LINKS])
    for place in range(3):
        frontend.connect(made[2 + place], 0, made[6], f"images.image{place}")
        frontend.settle()
    frontend.change(made[6], "filename_prefix", f"compared/{renderer}")
    frontend.show(made[6])
    run = frontend.run_alone("Compare now")
    assert run.succeeded, run.messages
    until(lambda: len(page.evaluate(CELLS)) == 3, "the table")
    frontend.picture(f"methods table {renderer}", made[6])
    same, other, nobody = page.evaluate(CELLS)
    assert [row["verdict"] for row in (same, other, nobody)] == ["same", "other", "none"]
    assert same["cells"][1] == "the same person" and float(same["cells"][2]) > 0.5 and same["best"] == 1
    assert other["cells"][1] == "somebody else" and not other["best"] and same["fits"]
    assert nobody["cells"][1:] == ["image2 no face found", ""]
    page.get_by_text(f"compared/{renderer}_00001_.csv").first.wait_for()
    (path,) = (server.base / "output" / "compared").glob(f"{renderer}*.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["method"] for row in csv.DictReader(file)] == ["the same person", "somebody else", "image2"]
