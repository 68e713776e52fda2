"""The note of every template says the same in English and in Chinese, and names nothing that is not on the graph."""

import json
import re

import pytest
from schemas import CHINESE, english
from templates import FOLDER, all_nodes, graphs, plain_name, read
from test_layout import COLLAPSED

WORKFLOWS = sorted(FOLDER.glob("*.json"))
BOLD = re.compile(r"\*\*(.+?)\*\*")
QUOTED = re.compile("\u201c(.+?)\u201d")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
HAN = re.compile(r"[\u4e00-\u9fff]")
EMPHASIS = {
    "Download",  # a button
    "R",  # a key
    "non-commercial research only",
    "non-commercial research",
    "non-commercial use",
    "\u53ea\u80fd\u7528\u4e8e\u975e\u5546\u4e1a\u7814\u7a76",
    "\u53ea\u80fd\u7528\u4e8e\u975e\u5546\u4e1a\u7528\u9014",
}
"""What is bold and no name."""


def by_stem(path):
    return path.stem


def parts(workflow):
    """A note in English, in Chinese, and its links to files."""
    (note,) = [node["widgets_values"][0] for node in workflow["nodes"] if node["type"] == "MarkdownNote"]
    return note.split("\n\n---\n\n")


@pytest.fixture(scope="module")
def words():
    """Names of nodes and inputs, in both languages, by node."""
    pytest.importorskip("comfy_api.latest")
    chinese = json.loads(CHINESE.read_text(encoding="utf-8"))
    return {name: [entry, chinese[name]] for name, entry in english().items()}


def names_on(workflow, words):
    """Everything that a person sees a name of: titles in both languages, nodes, inputs and outputs."""
    found = set()
    for node in all_nodes(workflow):
        title = node.get("title", "").split(" ")
        found |= {" ".join(part) for i in range(len(title)) for part in (title[: i + 1], title[i:])}
        slots = [*node.get("inputs", []), *node.get("outputs", [])]
        found |= {slot[key] for slot in slots for key in ("name", "label") if slot.get(key)}
        for entry in words.get(node["type"], []):
            fields = {**entry["inputs"], **entry["outputs"]}
            found |= {entry["display_name"], *fields, *(field["name"] for field in fields.values())}
    return found | {
        word for graph in graphs(workflow) for g in graph.get("groups", []) for word in g["title"].split(" ")
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_the_note_names_what_is_on_the_graph(path, words):
    workflow = read(path)
    there = names_on(workflow, words) | EMPHASIS | {plain_name(other) for other in WORKFLOWS}
    own, chinese, _ = parts(workflow)
    assert not [name for name in BOLD.findall(own) if name not in there]
    assert not [name for name in (*BOLD.findall(chinese), *QUOTED.findall(chinese)) if name not in there]


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_both_languages_tell_the_same(path):
    own, chinese, files = parts(read(path))
    assert files.startswith("**Files \u6587\u4ef6**: ") and HAN.search(chinese)
    shape = [re.match(r"#+ |- |\d+\. |", line)[0] for line in own.splitlines()]
    assert [re.match(r"#+ |- |\d+\. |", line)[0] for line in chinese.splitlines()] == shape
    assert set(NUMBER.findall(chinese)) == set(NUMBER.findall(own))


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_titles_are_in_both_languages_and_fit(path):
    """But for names of methods and models. A node that is narrower than its title grows over its neighbour in Nodes 2.0."""
    workflow = read(path)
    for node in workflow["nodes"]:
        width = sum(14 if HAN.match(letter) else 7 for letter in node.get("title", "")) + 50
        assert width <= (COLLAPSED if node["flags"].get("collapsed") else node["size"][0]) + 10, node["title"]
    titles = [title for node in all_nodes(workflow) if (title := node.get("title"))]
    assert not [
        title for title in titles if not HAN.search(title) and not re.fullmatch(r"[A-Z]\w*[A-Z]\w*( plus v2)?", title)
    ]
