"""Every node of the pack on the page: found by the words people know, added, drawn by both renderers, saved and opened."""

import json
from pathlib import Path

import pytest

from .editors import are_plain
from .frontend import RENDERERS

ROOT = Path(__file__).resolve().parents[2]

# What people type -> the node they mean, which must be among the first that are offered.
WORDS = {
    "ipadapter": "Apply IP-Adapter",
    "ip-adapter": "Load IP-Adapter",
    "ipadapter unified loader": "Load by Preset",
    "image prompt": "Apply IP-Adapter",
    "style transfer": "Apply IP-Adapter",
    "faceid": "Load by Preset",
    "instantid": "Apply InstantID",
    "face swap": "Apply InstantID",
    "\u6362\u8138": "Apply InstantID",
    "insightface": "Load Face Models",
    "face detection": "Find Faces",
    "face keypoints": "Render Keypoints",
    "weight type": "Layer Weights",
    "block weights": "Layer Weights",
    "facedetailer": "Refine Faces",
    "ipadapter combine embeds": "Combine Embeds",
    "pulid": "Fusion",
    "reference": "Reference Weights",
    "reference image": "Apply IP-Adapter",
    "style reference": "Apply IP-Adapter",
    "weak likeness": "Face Similarity",
    "image embeds": "Encode Reference",
    "portrait": "Apply InstantID",
    "\u8096\u50cf": "Apply InstantID",
    "pose": "Pose Sheet",
    "head pose": "Render Keypoints",
    "same person": "Apply InstantID",
    "consistent character": "Apply InstantID",
}
FIRST = 6
# Where several of ours go by the words, the one that people mean is the first that is offered.
TOP = {
    "image prompt": "Apply IP-Adapter",
    "faceid": "Load by Preset",
    "insightface": "Load Face Models",
    "face swap": "Apply InstantID",
    "\u6362\u8138": "Apply InstantID",
}


TYPED = ("ip-adapter", "same person", "faceid")


def test_a_node_is_found_by_typing_and_put_down(frontend, page):
    for words in TYPED:
        offered = frontend.search(words, WORDS[words])
        page.keyboard.press("Escape")
        assert offered == frontend.ranked(words)[: len(offered)], "what is asked below is what a person sees"
    placed = frontend.place(WORDS[words])
    assert frontend.nodes()[placed]["title"] == WORDS[words]


def test_nodes_are_found_by_the_words_people_know(frontend):
    for words, wanted in WORDS.items():
        offered = frontend.ranked(words)
        assert wanted in offered[: 1 if TOP.get(words) == wanted else FIRST], (words, offered)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_node_is_found_by_its_name_and_by_chinese_words(language, frontend, our_nodes):
    chinese = json.loads((ROOT / "locales" / "zh" / "nodeDefs.json").read_text(encoding="utf-8"))
    for kind, node in our_nodes.items():
        title = node["display_name"] if language == "en" else chinese[kind]["display_name"]
        assert title in frontend.ranked(title), kind
        offered = frontend.ranked(chinese[kind]["search_aliases"][0])
        assert title in offered[:FIRST], (kind, offered)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_every_node_is_drawn_saved_and_opened_again(renderer, frontend, our_nodes):
    frontend.renderer(renderer)
    for place, kind in enumerate(our_nodes):
        frontend.add(kind, (450 * (place % 7), 700 * (place // 7)))
    before = frontend.workflow()
    assert {node["type"] for node in before["nodes"]} == set(our_nodes)
    assert are_plain(before)
    frontend.show()
    frontend.picture(f"all nodes, {renderer}")
    frontend.load(before)
    after = frontend.workflow()
    for old, new in zip(before["nodes"], after["nodes"], strict=True):
        assert (old["type"], old.get("widgets_values") or []) == (new["type"], new.get("widgets_values") or [])
