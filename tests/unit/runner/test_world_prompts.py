"""Each cell of the miniature world's sheet becomes the right graph, and its note is true."""

import pytest

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("aiohttp")

from runner.demo.nodes import SAVE  # noqa: E402
from runner.demo.world import __main__ as world  # noqa: E402
from runner.demo.world import cells  # noqa: E402
from runner.demo.world.cells import CELLS, ROWS  # noqa: E402
from runner.demo.world.prompts import POINTS, prompt_for  # noqa: E402

BY_NAME = {cell.name: cell for cell in CELLS}


def of_the_pack(graph):
    return [each["class_type"] for each in graph.values() if each["class_type"].startswith("Likeness")]


@pytest.mark.parametrize("name", BY_NAME)
def test_every_wire_leads_to_a_node_of_the_graph(name):
    graph = prompt_for(BY_NAME[name])
    wires = [value for node in graph.values() for value in node["inputs"].values() if isinstance(value, list)]
    assert wires and all(source in graph for source, _ in wires)
    assert graph[SAVE]["class_type"] == "SaveImage"


def test_the_plain_picture_has_no_node_of_the_pack():
    assert not of_the_pack(prompt_for(BY_NAME["plain"])) and of_the_pack(prompt_for(BY_NAME["A-0"]))


def test_poses_differ_in_the_points_only():
    first, second = (prompt_for(BY_NAME[f"P-pose-{number}"]) for number in (1, 2))
    different = {name for name in first if first[name] != second[name]}
    assert different == {"pose-0", SAVE} and f"{POINTS}-0" in first


def pictures(changed=()):
    drawn = {cell.name: Image.new("RGB", (64, 64), "grey") for cell in CELLS}
    return drawn | {name: Image.new("RGB", (64, 64), "red") for name in changed}


def test_a_picture_that_must_be_equal_and_is_not_is_told():
    assert world.unequal(pictures()) == [] and world.unequal(pictures(["A-0"])) == ["A at weight 0"]
    assert world.note(BY_NAME["A-0"], pictures(["A-0"])) == ("DIFFERS from the plain model", "bad")


def test_without_faces_their_rows_are_left_out():
    left = {cell.name: Image.new("RGB", (64, 64)) for cell in world.chosen(without_faces=True)}
    assert len(world.rows(left)) == sum(not any(cell.held for cell in row.cells) for row in ROWS)


def test_the_sheet_takes_the_blocks_that_are_measured():
    pytest.importorskip("comfy", reason="the world's layout is the host's")
    from miniature.world import layout

    assert (f"{layout.STYLE}:1", f"{layout.COMPOSITION}:1") == (cells.STYLE, cells.COMPOSITION)
