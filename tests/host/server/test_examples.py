"""Every example workflow, in its API form, on the miniature."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from serving.substitutes import on_the_miniature

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "example_workflows" / "api").glob("*.json"))


def test_there_are_examples():
    assert len(EXAMPLES) >= 9


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_on_the_miniature(path, api, example_photo, example_folder, saved_embeds, saved_faces):
    graph = on_the_miniature(json.loads(path.read_text(encoding="utf-8")))
    entry = api.run(graph)
    assert entry.succeeded, entry.messages.get("execution_error")
    savers = [name for name, node in graph.items() if node["class_type"].startswith("Save")]
    for saver in savers:
        picture = Image.open(io.BytesIO(entry.picture(saver))).convert("RGB")
        assert len(set(picture.getdata())) > 100, "a picture, not an even surface"
