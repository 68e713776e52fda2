"""Every text of our editors can be read, on dark and on light ground, and axe-core finds nothing that keeps people out."""

import pytest
from serving.patience import until

from .frontend import RENDERERS
from .readable import TEXTS, faint, faults
from .test_messages import fail_with, template

PICTURE = {"filename": "example.png", "type": "input"}
FACES = {
    "likeness_faces": [
        [
            {
                "size": [200, 200],
                "file": PICTURE,
                "faces": [{"box": [20, 40, 80, 120], "score": 0.9}, {"box": [110, 40, 180, 120], "score": 0.8}],
                "chosen": [0],
            }
        ]
    ],
    "likeness_badges": [["2 faces", "at 640"]],
}
SCORES = (0.71, 0.42, 0.1, None)
MATCHES = {
    "likeness_match": [
        {
            "pictures": [{"name": f"picture {i}", "score": score, "face": None} for i, score in enumerate(SCORES)],
            "reference": None,
            "bounds": [0.3, 0.5],
            "crops": {"file": PICTURE, "side": 56, "columns": 1},
        }
    ]
}
COMPARED = {
    "likeness_comparison": [
        {
            "columns": ["similarity", "copy_paste"],
            "methods": [
                {
                    "name": "FaceID",
                    "pictures": 2,
                    "missing": 0,
                    "face": None,
                    "means": {"similarity": 0.7, "copy_paste": 0.2},
                },
                {"name": "PuLID", "pictures": 2, "missing": 2, "face": None, "means": {}},
            ],
            "best": {"similarity": 0.7, "copy_paste": 0.2},
            "bounds": [0.3, 0.5],
            "reference": None,
            "crops": {"file": PICTURE, "side": 56, "columns": 1},
        }
    ]
}
FAR = '{"width": 800, "height": 800, "faces": [[[400, 400], [410, 400], [405, 405], [401, 410], [409, 410]]]}'
# A node with an editor: what is set on it, what its last run said, a text that it then shows.
EDITORS = (
    ("LayerWeights", {"family": "sdxl"}, {}, "composition"),
    ("LayerWeights", {"weights": "3:lots"}, {}, "is not a layer weight"),
    ("WeightSchedule", {}, {}, "100%"),
    ("WeightSchedule", {"frames": "1, 0", "frames_count": 8}, {}, "8 pictures"),
    ("RenderKeypoints", {"keypoints": FAR}, {}, "Portrait"),
    ("FindFaces", {}, FACES, "2 faces"),
    ("ChooseFace", {"rule": "as numbered"}, FACES, "Face 1 is chosen. Ctrl+click adds another."),
    ("PoseSheet", {"people": 2}, {}, "frontal"),
    ("ReferenceWeights", {}, {}, "everywhere"),
    ("RegionPrompts", {"prompts": "a red jacket\n\na straw hat"}, {}, "as the whole picture"),
    ("FaceMasks", {}, {}, ""),
    ("FaceSimilarity", {}, MATCHES, "weak likeness"),
    ("CompareMethods", {}, COMPARED, "2 of 2 without a face"),
    ("ApplyIPAdapter", {}, {}, ""),
)
ROW = 7  # of nodes
RAN = "([id, said]) => { app.nodeOutputs[id] = said; app.graph.getNodeById(id).onExecuted({}) }"


def unseen(page, wanted):
    seen = [text for text, *_ in page.evaluate(TEXTS)]
    return [text for text in wanted if not any(text in one for one in seen)]


SMALLEST = """() => Math.min(...[...document.querySelectorAll('.likeness-editor *')]
    .filter(one => !one.closest('.likeness-box, .likeness-face, title, style, select')
        && [...one.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
    .map(one => parseFloat(getComputedStyle(one).fontSize)))"""


@pytest.mark.parametrize("renderer", RENDERERS)
def test_every_text_of_the_editors_can_be_read(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    nodes = [
        frontend.add(f"Likeness{kind}", (560 * (i % ROW), 1000 * (i // ROW))) for i, (kind, *_) in enumerate(EDITORS)
    ]
    for node, (_, values, said, _) in zip(nodes, EDITORS, strict=True):
        for name, value in values.items():
            frontend.change(node, name, value)
        if said:
            page.evaluate(RAN, [node, said])
    by_kind = {kind: node for node, (kind, *_) in zip(nodes, EDITORS, strict=True)}
    finds, chooses = by_kind["FindFaces"], by_kind["ChooseFace"]
    frontend.connect(finds, 0, chooses, "faces")
    fail_with(frontend, chooses, template("no_face").format(picture="picture 1 of 1", advice="Lower the threshold."))
    frontend.show()
    wanted = {"Lower the threshold to 0.3", *(text for *_, text in EDITORS)}
    until(lambda: not unseen(page, wanted), "every editor is drawn")
    for palette in ("light", "dark"):
        frontend.setting("Comfy.ColorPalette", palette)
        assert not unseen(page, wanted)
        frontend.picture(f"texts {renderer} {palette}")
        assert not faint(page), palette
        assert page.evaluate(SMALLEST) >= 11, "numbers of axes too"
    assert not faults(page)
