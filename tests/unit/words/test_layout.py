"""Every template is laid out to be read as it opens: a note, three coloured groups, few nodes, room, and all files named."""

import re
import statistics

import pytest
from templates import FOLDER, all_nodes, is_subgraph, plain_name, read, wires

WORKFLOWS = sorted(FOLDER.glob("*.json"))
GROUPS = ("Files \u6587\u4ef6", "Your picture \u4f60\u7684\u56fe\u7247", "Result \u7ed3\u679c")
TITLE = 30  # pixels above a node
COLLAPSED = 225  # pixels in width, as newer pages draw it
WINDOW = (1440, 900)
FILLED = 0.75  # of the window, by what a template shows when it opens
READABLE = 8 / 14  # below it the page leaves texts of nodes out
TALL = {"IP-Adapter training"}  # whose node has all settings of a training, and is higher than a window
FOUND = ("IP-Adapter", "Face", "InstantID", "FaceID", "portrait", "face swap", "likeness", "style transfer", "composition",
         "\u6362\u8138", "\u98ce\u683c\u8fc1\u79fb", "\u8096\u50cf", "\u59ff\u52bf", "\u53c2\u8003\u56fe", "\u6784\u56fe", "\u8bad\u7ec3")  # fmt: skip
"""What people type into the search of templates: face swap, style transfer, portrait, pose, reference ... in Chinese."""
SEEN = 33  # characters of a name, of which the page's search sees a word


def by_stem(path):
    return path.stem


def box(node):
    """Left, top, right, bottom, the title included."""
    (x, y), (width, height) = node["pos"], node["size"]
    is_small = node["flags"].get("collapsed")
    return x, y - TITLE, x + (min(width, COLLAPSED) if is_small else width), y if is_small else y + height


def bounds(boxes):
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def rectangle(group):
    x, y, width, height = group["bounding"]
    return x, y, x + width, y + height


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_a_template_is_a_note_and_three_groups_with_room_between(path):
    workflow = read(path)
    note, *nodes = sorted(workflow["nodes"], key=lambda node: node["type"] != "MarkdownNote")
    boxes = {node["id"]: box(node) for node in (note, *nodes)}
    numbers = sorted(boxes)
    assert not [(a, b) for a in numbers for b in numbers if a < b and overlap(boxes[a], boxes[b])]
    assert tuple(group["title"] for group in workflow["groups"]) == GROUPS
    assert len({group["color"] for group in workflow["groups"]}) == len(GROUPS)
    groups = [rectangle(group) for group in workflow["groups"]]
    assert not any(overlap(a, b) for i, a in enumerate(groups) for b in (*groups[i + 1 :], boxes[note["id"]]))
    for node in nodes:
        around = [group for group in groups if overlap(group, boxes[node["id"]])]
        assert len(around) == 1, node["type"]
        assert bounds([around[0], boxes[node["id"]]]) == around[0], f"{node['type']} reaches over its group"


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_texts_are_shown_at_the_zoom_it_opens_with(path):
    left, top, right, bottom = bounds([box(node) for node in read(path)["nodes"]])
    zoom = FILLED * min(WINDOW[0] / (right - left), WINDOW[1] / (bottom - top))
    assert zoom >= READABLE or (plain_name(path) in TALL and zoom > 0.5)


def test_half_of_them_show_eight_nodes_or_fewer():
    assert statistics.median(len(read(path)["nodes"]) for path in WORKFLOWS) <= 8


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_the_note_links_to_every_file_and_speaks_two_languages(path):
    workflow = read(path)
    (text,) = [node["widgets_values"][0] for node in workflow["nodes"] if node["type"] == "MarkdownNote"]
    urls = {model["url"] for node in all_nodes(workflow) for model in node["properties"].get("models", [])}
    assert urls <= set(re.findall(r"\]\((https://[^)]+)\)", text)) and "](https://" in text
    assert re.search("[\u4e00-\u9fff]{4}", text)


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_the_dialog_of_missing_models_names_the_encoder_too(path):
    """It names a file that stands in a widget; Load by Preset, whose files do not, has a button that gets them all."""
    workflow = read(path)
    kinds = {str(node["id"]): node["type"] for node in all_nodes(workflow) if not is_subgraph(node, workflow)}
    leading, encodes = wires(workflow), {"LikenessEncodeReference", "LikenessApplyIPAdapter"}
    for number in (number for number, kind in kinds.items() if kind == "LikenessLoadIPAdapter"):
        served = [to for (to, name), (source, _) in leading.items() if source == number and name == "adapter"]
        if any(kinds[to] in encodes and (to, "image") in leading for to in served):
            assert kinds[leading[number, "clip_vision"][0]] == "CLIPVisionLoader"


def test_a_template_that_draws_the_person_of_a_photo_says_how_alike_it_is():
    for path in WORKFLOWS:
        kinds = {node["type"] for node in all_nodes(read(path))}
        if {"LikenessFindFaces", "SaveImage"} <= kinds:
            assert kinds & {"LikenessFaceSimilarity", "LikenessCompareMethods"}, path.stem


def test_names_sort_and_are_found_by_what_people_type():
    names = [path.stem for path in WORKFLOWS]
    for words in FOUND:
        assert any(0 <= name.lower().find(words.lower()) <= SEEN for name in names), words
    assert len({plain_name(path) for path in WORKFLOWS}) == len(names)
