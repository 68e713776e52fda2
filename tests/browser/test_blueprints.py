"""Every subgraph blueprint is offered among the nodes, can be placed, and runs in the workflow it shortens."""

import json
from pathlib import Path

import pytest
from serving.substitutes import on_the_miniature

from .frontend import template

BLUEPRINTS = sorted((Path(__file__).resolve().parents[2] / "subgraphs").glob("*.json"))

# Blueprint -> the template it shortens: nodes it stands for, what goes into it, where its outputs go, widgets on it. Of a
# template's nodes 13 and 20 are where its picture is drawn, 19 and 21 its prompt and its files.
PLACES = {
    "Picture prompt": (
        "IP-Adapter 1 picture prompt",
        ("4", "5", "12"),
        {"model": ("2", 0), "image": ("3", 0)},
        (("13", "model"),),
        ["preset", "weight", "layer_preset"],
    ),
    "Portrait from one photo": (
        "Face 1 InstantID portrait face swap",
        ("7", "8", "9", "13"),
        {"model": ("21", 0), "positive": ("19", 0), "negative": ("19", 1), "photo": ("4", 0), "latent": ("19", 2)},
        (("20", "model"), ("20", "positive"), ("20", "negative")),
        ["weight", "strength", "recipe", "control_net_name", "face_models"],
    ),
}


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_is_found_placed_and_runs(path, frontend, example_photo):
    base, stands_for, inputs, outputs, widgets = PLACES[path.stem]
    frontend.load(json.loads(template(base).read_text(encoding="utf-8")))
    placed = frontend.place(path.stem)
    assert frontend.nodes()[placed]["known"]
    frontend.remove(*stands_for)
    for name, (source, output) in inputs.items():
        frontend.connect(source, output, placed, name)
    for output, (target, name) in enumerate(outputs):
        frontend.connect(placed, output, target, name)
    assert list(frontend.widgets(placed)) == widgets
    frontend.picture(f"blueprint {path.stem}")
    entry = frontend.queue(rewritten=on_the_miniature)
    assert entry.succeeded, entry.messages.get("execution_error")
    sent = frontend.prompt()
    assert {"LikenessLoadByPreset"} < {node["class_type"] for node in sent.values()}


def test_a_widget_of_a_blueprint_reaches_the_node_within(frontend):
    placed = frontend.place("Picture prompt")
    frontend.change(placed, "weight", 0.35)
    apply = next(node for node in frontend.prompt().values() if node["class_type"] == "LikenessApplyIPAdapter")
    assert apply["inputs"]["weight"] == 0.35
