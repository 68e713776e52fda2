"""Every subgraph blueprint is one node with a subgraph of ours in step with the nodes as they are now."""

import pytest
from schemas import ROOT, saved_widgets, schemas
from templates import check_links, read

BLUEPRINTS = sorted((ROOT / "subgraphs").glob("*.json"))


def by_stem(path):
    return path.stem


@pytest.fixture(scope="module")
def nodes():
    pytest.importorskip("comfy_api.latest")
    return schemas()


def test_there_are_blueprints():
    assert {path.stem for path in BLUEPRINTS} == {"Picture prompt", "Portrait from one photo"}


@pytest.mark.parametrize("path", BLUEPRINTS, ids=by_stem)
def test_it_is_one_node_with_the_sockets_of_its_subgraph(path):
    blueprint = read(path)
    (node,), (subgraph,) = blueprint["nodes"], blueprint["definitions"]["subgraphs"]
    assert node["type"] == subgraph["id"]
    assert node["title"] == subgraph["name"] == path.stem, "the page shows the name of the file"
    for side in ("inputs", "outputs"):
        assert [(s["name"], s["type"]) for s in node[side]] == [(s["name"], s["type"]) for s in subgraph[side]]
    assert len(node["widgets_values"]) == sum("widget" in socket for socket in node["inputs"])


@pytest.mark.parametrize("path", BLUEPRINTS, ids=by_stem)
def test_it_can_be_found_and_says_what_it_does(path):
    blueprint = read(path)
    assert blueprint["extra"]["BlueprintDescription"] and blueprint["extra"]["BlueprintSearchAliases"]
    assert blueprint["definitions"]["subgraphs"][0]["category"] == "likeness"


@pytest.mark.parametrize("path", BLUEPRINTS, ids=by_stem)
def test_the_nodes_within_are_as_they_are_now(path, nodes):
    (subgraph,) = read(path)["definitions"]["subgraphs"]
    ours = [node for node in subgraph["nodes"] if node["type"].startswith("Likeness")]
    assert ours
    for node in ours:
        schema = nodes[node["type"]]
        assert {slot["name"] for slot in node["inputs"]} == {field.id for field in schema.inputs}, node["type"]
        assert [slot["type"] for slot in node["outputs"]] == [o.get_io_type() for o in schema.outputs]
        assert len(node["widgets_values"]) == saved_widgets(schema), node["type"]


@pytest.mark.parametrize("path", BLUEPRINTS, ids=by_stem)
def test_links_within_are_the_same_at_both_ends(path):
    (subgraph,) = read(path)["definitions"]["subgraphs"]
    check_links(subgraph)
