"""Each cell of the demonstration becomes the right graph."""

from pathlib import Path

import pytest

from runner.demo.cells import CELLS, IDENTITY_CELLS
from runner.demo.job import miniature_job
from runner.demo.prompts import SAVE, prompt_for
from runner.demo.report import ROWS

JOB = miniature_job(Path("photos"))
UPLOADED = {"a": "likeness-a.png", "b": "likeness-b.png"}
BY_NAME = {cell.name: cell for cell in (*CELLS, *IDENTITY_CELLS)}


def prompt(name):
    return prompt_for(BY_NAME[name], JOB, UPLOADED)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_every_wire_leads_to_a_node_of_the_graph(cell):
    graph = prompt_for(cell, JOB, UPLOADED)
    wires = [value for node in graph.values() for value in node["inputs"].values() if isinstance(value, list)]
    assert wires and all(source in graph for source, _ in wires)
    assert graph[SAVE]["class_type"] == "SaveImage"


@pytest.mark.parametrize("name", ["plain", "text-alone"])
def test_a_plain_picture_has_no_node_of_the_pack(name):
    assert not any(node["class_type"].startswith("Likeness") for node in prompt(name).values())
    assert prompt(name)["sampler"]["inputs"]["model"] == ["model", 0]


def test_weight_0_differs_from_plain_only_by_the_adapter():
    plain, zero = prompt("plain"), prompt("weight-0")
    added = {node["class_type"] for name, node in zero.items() if name not in plain}
    assert added == {"MiniatureCLIPVision", "LikenessLoadIPAdapter", "LoadImage", "LikenessApplyIPAdapter"}
    assert zero["steer-1"]["inputs"]["weight"] == 0.0
    assert zero["sampler"]["inputs"] == plain["sampler"]["inputs"] | {"model": ["steer-1", 0]}


def test_two_references_stand_on_one_model_wire():
    graph = prompt("two-references")
    assert graph["steer-1"]["inputs"]["model"] == ["model", 0]
    assert graph["steer-2"]["inputs"]["model"] == ["steer-1", 0]
    assert graph["sampler"]["inputs"]["model"] == ["steer-2", 0]
    pictures = [graph[graph[f"steer-{n}"]["inputs"]["image"][0]]["inputs"]["image"] for n in (1, 2)]
    assert pictures == ["likeness-a.png", "likeness-b.png"]


def test_text_is_compared_with_the_same_text():
    cell = BY_NAME["text-and-image"]
    assert cell.text == BY_NAME[cell.against].text != BY_NAME["plain"].text


def test_every_comparison_and_every_picture_of_the_sheet_exists():
    assert all(cell.against in BY_NAME for cell in CELLS if cell.against)
    assert all(cell.beside in BY_NAME for cell in CELLS if cell.beside)
    shown = [name for row in ROWS for _, names in row for name in names if not name.startswith(("photo ", "faces/"))]
    assert sorted(shown) == sorted(BY_NAME)


def test_the_weights_the_sheet_promises_are_there():
    weights = {cell.steers[0][1] for cell in CELLS if cell.steers}
    assert weights >= {0.0, 0.25, 0.5, 1.0, 1.5}
