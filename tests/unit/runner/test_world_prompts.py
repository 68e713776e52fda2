"""Each cell of the miniature world's sheet becomes the right graph, and its note is true."""

import pytest

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("aiohttp")

from runner.demo.nodes import SAVE  # noqa: E402
from runner.demo.world import __main__ as world  # noqa: E402
from runner.demo.world import cells  # noqa: E402
from runner.demo.world.cells import CELLS, ROWS  # noqa: E402
from runner.demo.world.prompts import prompt_for  # noqa: E402

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


def pictures(changed=()):
    drawn = {cell.name: Image.new("RGB", (64, 64), "grey") for cell in CELLS}
    return drawn | {name: Image.new("RGB", (64, 64), "red") for name in changed}


def test_a_picture_that_must_be_equal_and_is_not_is_told():
    assert world.unequal(pictures()) == [] and world.unequal(pictures(["A-0"])) == ["A at weight 0"]
    assert world.note(BY_NAME["A-0"], pictures(["A-0"])) == ("DIFFERS from the plain model", "bad")


def test_a_row_has_its_promise_and_all_its_pictures():
    sections = [section for (section,) in world.rows(pictures())]
    assert [section.heading for section in sections] == [row.promise for row in ROWS]
    assert [len(section.tiles) for section in sections] == [len(row.cells) for row in ROWS]


def test_the_sheet_takes_the_blocks_that_are_measured():
    pytest.importorskip("comfy", reason="the world's layout is the host's")
    from miniature.world import layout

    assert (f"{layout.STYLE}:1", f"{layout.COMPOSITION}:1") == (cells.STYLE, cells.COMPOSITION)
