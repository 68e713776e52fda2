"""A prompt over the API may leave out any widget of a face node: it then has its default, whatever is added later."""

import inspect

import pytest

pytest.importorskip("comfy", reason="needs ComfyUI: set LIKENESS_COMFYUI")

from comfy_api.latest import io
from pack import nodes
from pack.nodes.forms import choose_face, embed_faces, face_masks, find_faces, load_face_models, render_keypoints

MODULES = (choose_face, embed_faces, face_masks, find_faces, load_face_models, render_keypoints)
NODES = [node for module in MODULES for node in module.NODES]
SAVED = {
    "LikenessFindFaces": ["size", "threshold", "margin", "refine", "embed"],
    "LikenessChooseFace": ["rule", "index", "missing"],
    "LikenessEmbedFaces": ["combine", "outlier_below", "outliers", "crop_size"],
    "LikenessFaceMasks": ["shape", "dilate", "feather", "normalise", "width", "height", "fit"],
    "LikenessLoadFaceModels": ["pack", "provider"],
    "LikenessRenderKeypoints": [
        *("width", "height", "fit", "scale", "rotation", "shift_x", "shift_y", "mirror"),
        "keypoints",
    ],
}
"""Node -> the widgets whose values saved workflows list, in this order: only ever add at the end."""


def widgets(node):
    return [
        field
        for field in node.define_schema().inputs
        if isinstance(field, io.WidgetInput) and not getattr(field, "force_input", False)
    ]


@pytest.mark.parametrize("module", nodes.MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_no_advanced_widget_of_any_node_is_required(module):
    nodes.folders.register()  # the host has no list of adapters before
    for node in module.NODES:
        assert [field.id for field in widgets(node) if getattr(field, "advanced", False) and not field.optional] == []


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_what_is_left_out_has_the_default_that_the_page_shows(node):
    taken = inspect.signature(node.execute).parameters
    left_out = [field for field in widgets(node) if field.optional]
    assert [field.id for field in widgets(node) if not field.optional] in ([], ["pack"])
    assert {field.id: field.default for field in left_out} == {field.id: taken[field.id].default for field in left_out}


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_saved_values_keep_their_places(node):
    """The page lists the widgets of required inputs first, then those of optional ones."""
    found = sorted(widgets(node), key=lambda field: field.optional)
    kept = SAVED[node.define_schema().node_id]
    assert [field.id for field in found][: len(kept)] == kept


def test_a_prompt_without_any_optional_widget_runs(server, api, example_photo):
    def node(class_type, **inputs):
        return {"class_type": class_type, "inputs": inputs}

    faces = ["chosen", 0]
    entry = api.run(
        {
            "photo": node("LoadImage", image="example.png"),
            "models": node("LikenessLoadFaceModels", pack="vectron"),
            "found": node("LikenessFindFaces", image=["photo", 0], face_models=["models", 0]),
            "chosen": node("LikenessChooseFace", faces=["found", 0]),
            "embedded": node("LikenessEmbedFaces", faces=faces),
            "points": node("LikenessRenderKeypoints", faces=faces),
            "masks": node("LikenessFaceMasks", faces=faces),
            "alike": node("LikenessFaceSimilarity", faces=faces, reference=["embedded", 0]),
            "crops": node("PreviewImage", images=["embedded", 1]),
            "drawn": node("PreviewImage", images=["points", 0]),
            "regions": node("MaskToImage", mask=["masks", 0]),
            "shown": node("PreviewImage", images=["regions", 0]),
        }
    )
    assert entry.succeeded, entry.messages.get("execution_error")
    assert "1024x1024, faces: 1" in entry.text("points")
    assert entry.text("alike").startswith("similarity 1.000")
