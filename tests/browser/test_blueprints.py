"""Every subgraph blueprint is offered among the nodes, can be placed, and runs in the workflow it shortens."""

import json
from pathlib import Path

import pytest
from serving.substitutes import on_the_miniature

from .frontend import TEMPLATES

BLUEPRINTS = sorted((Path(__file__).resolve().parents[2] / "subgraphs").glob("*.json"))

# Blueprint -> the template it shortens: nodes it stands for, what goes into it, where its outputs go, widgets on it.
PLACES = {
    "Picture prompt": (
        "Picture prompt",
        ("4", "5"),
        {"model": ("2", 0), "image": ("3", 0)},
        (("9", "model"),),
        ["preset", "weight", "layer_preset"],
    ),
    "Portrait from one photo": (
        "InstantID portrait",
        ("3", "5", "6", "7", "8", "9", "13"),
        {"model": ("2", 0), "positive": ("10", 0), "negative": ("11", 0), "photo": ("4", 0), "latent": ("12", 0)},
        (("14", "model"), ("14", "positive"), ("14", "negative")),
        ["weight", "strength", "recipe", "control_net_name", "face_models"],
    ),
}


def template(name):
    path = next(path for path in TEMPLATES if path.stem == name)
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_is_found_placed_and_runs(path, frontend, example_photo):
    base, stands_for, inputs, outputs, widgets = PLACES[path.stem]
    frontend.load(template(base))
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
