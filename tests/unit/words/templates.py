"""Templates as they are saved -> their names, their nodes within subgraphs too, and where each wire comes from."""

import json

from schemas import ROOT

FOLDER = ROOT / "example_workflows"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def plain_name(path):
    """A template's name without the Chinese words in it, by which programs and this repository call it."""
    return " ".join(path.stem.encode("ascii", "ignore").decode().split())


def graphs(workflow):
    """The top level of a workflow, and what is within each of its subgraphs."""
    return [workflow, *workflow.get("definitions", {}).get("subgraphs", [])]


def all_nodes(workflow):
    return [node for graph in graphs(workflow) for node in graph["nodes"]]


def is_subgraph(node, workflow):
    return node["type"] in {graph["id"] for graph in graphs(workflow)[1:]}


def check_links(subgraph):
    """That each link within a subgraph is the same at both ends."""
    inside = {node["id"]: node for node in subgraph["nodes"]}
    for link in subgraph["links"]:
        origin, target = inside.get(link["origin_id"]), inside.get(link["target_id"])
        given = origin["outputs"] if origin else subgraph["inputs"]
        taken = target["inputs"] if target else subgraph["outputs"]
        source, sink = given[link["origin_slot"]], taken[link["target_slot"]]
        assert source["type"] == sink["type"] == link["type"]
        assert link["id"] in (source["links"] if origin else source["linkIds"])
        assert link["id"] in ([sink["link"]] if target else sink["linkIds"])


def wires(workflow):
    """(number of a node, input) -> (number of the node it comes from, output), as if there were no subgraphs."""
    sources = Sources(workflow)
    found = {}
    for graph in graphs(workflow):
        for node in graph["nodes"]:
            for slot in node.get("inputs", []):
                source = sources.of(graph, slot) if slot.get("link") and not is_subgraph(node, workflow) else None
                if source:
                    found[str(node["id"]), slot["name"]] = source
    return found


class Sources:
    """Finds what leads to an input, through subgraphs."""

    def __init__(self, workflow):
        self.top = workflow
        self.subgraphs = {graph["id"]: graph for graph in graphs(workflow)[1:]}

    def of(self, graph, slot):
        """(number, output); None where it is a value that is set outside."""
        if graph is self.top:
            (link,) = [link for link in graph["links"] if link[0] == slot["link"]]
            return self.output(*link[1:3])
        (link,) = [link for link in graph["links"] if link["id"] == slot["link"]]
        if link["origin_id"] > 0:
            return str(link["origin_id"]), link["origin_slot"]
        (outside,) = [node for node in self.top["nodes"] if node["type"] == graph["id"]]
        given = outside["inputs"][link["origin_slot"]]
        return self.of(self.top, given) if given["link"] else None

    def output(self, number, slot):
        """Of an output on the top level."""
        (node,) = [each for each in self.top["nodes"] if each["id"] == number]
        if node["type"] not in self.subgraphs:
            return str(number), slot
        graph = self.subgraphs[node["type"]]
        (link,) = [link for link in graph["links"] if link["id"] in graph["outputs"][slot]["linkIds"]]
        return str(link["origin_id"]), link["origin_slot"]
