"""Each cell of the demonstration with faces becomes the right graph."""

import json
from pathlib import Path

import pytest

from runner.demo.cells import IDENTITY_CELLS
from runner.demo.identity_prompts import FOUND, POINTS, identity_prompt_for, side_by_side
from runner.demo.job import miniature_job
from runner.demo.prompts import SAVE

JOB = miniature_job(Path("photos"))
UPLOADED = {letter: f"likeness-{letter}.png" for letter in JOB.photos}
BY_NAME = {cell.name: cell for cell in IDENTITY_CELLS}


def prompt(name):
    return identity_prompt_for(BY_NAME[name], JOB, UPLOADED)


def inputs(graph, class_type):
    return [node["inputs"] for node in graph.values() if node["class_type"] == class_type]


@pytest.mark.parametrize("name", BY_NAME)
def test_every_wire_leads_to_a_node_of_the_graph(name):
    graph = prompt(name)
    wires = [value for node in graph.values() for value in node["inputs"].values() if isinstance(value, list)]
    assert wires and all(source in graph for source, _ in wires)
    assert graph[SAVE]["class_type"] == "SaveImage"


def test_the_plain_picture_has_no_node_of_the_pack():
    assert not any(node["class_type"].startswith("Likeness") for node in prompt("plain-sdxl").values())


def test_at_0_only_the_strengths_differ():
    zero, full = prompt("instantid-0"), prompt("pose-upright")
    assert [(i["weight"], i["strength"]) for i in inputs(zero, "LikenessApplyInstantID")] == [(0, 0)]
    assert inputs(full, "LikenessApplyInstantID")[0]["weight"] == 0.8
    assert zero.keys() == full.keys() and zero["sampler"] == full["sampler"]


def test_the_photograph_s_faces_are_found_and_all_drawn_without_sampling():
    graph = prompt("faces")
    assert inputs(graph, "LoadImage") == [{"image": "likeness-group.png"}]
    assert graph[POINTS]["inputs"]["faces"] == [FOUND, 0]
    assert graph[SAVE]["inputs"]["images"] == [POINTS, 0]
    assert not inputs(graph, "KSampler")


def test_three_poses_are_of_one_face_and_differ_in_the_points_only():
    poses = [prompt(name) for name in BY_NAME if name.startswith("pose-")]
    points = [graph[POINTS]["inputs"] for graph in poses]
    assert len(poses) == 3 and len({json.dumps(each, sort_keys=True) for each in points}) == 3
    assert all(graph["chosen"] == poses[0]["chosen"] and graph["sampler"] == poses[0]["sampler"] for graph in poses)
    assert (
        points[-1]["mirror"] is True
        and points[-1]["shift_x"] == BY_NAME["pose-mirrored"].identity.pose["shift_x"] * JOB.pixels
    )


def test_two_people_have_a_face_points_and_a_region_each():
    graph = prompt("two-people")
    assert [each["image"] for each in inputs(graph, "LoadImage")] == ["likeness-a.png", "likeness-b.png"]
    assert graph["instantid"]["inputs"]["masks"] == ["masks", 0]
    assert graph["masks"]["inputs"]["keypoints"] == [POINTS, 1]
    assert len(json.loads(graph[POINTS]["inputs"]["keypoints"])["faces"]) == 2


def test_faces_side_by_side_lie_on_the_canvas_each_in_its_half():
    sheet = json.loads(side_by_side(2, 200))
    left, right = sheet["faces"]
    assert (sheet["width"], sheet["height"]) == (200, 200)
    assert all(0 < x < 100 and 0 < y < 200 for x, y in left)
    assert all(100 < x < 200 and 0 < y < 200 for x, y in right)
