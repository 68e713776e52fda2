"""Every template fits the nodes: types, inputs, links, saved values, thumbnails, layout, and its API form is the same graph."""

import struct

import pytest
from schemas import saved_widgets, schemas
from templates import FOLDER, all_nodes, check_links, graphs, is_subgraph, plain_name, read, wires

WORKFLOWS = sorted(FOLDER.glob("*.json"))
ON_THE_PAGE_ONLY = {"MarkdownNote", "Note"}
SMALL = 100_000  # bytes of a thumbnail
OTHERS = {
    "controlnet-depth-sdxl-1.0.safetensors": "controlnet",
    "watercolor_v1_sdxl.safetensors": "loras",
    "ecomid-identitynet.safetensors": "controlnet",
    "wan2.1_i2v_480p_14B_fp16.safetensors": "diffusion_models",
    "umt5_xxl_fp8_e4m3fn_scaled.safetensors": "text_encoders",
    "wan_2.1_vae.safetensors": "vae",
    "clip_vision_h.safetensors": "clip_vision",
    "flux1-dev-kontext_fp8_scaled.safetensors": "diffusion_models",
    "clip_l.safetensors": "text_encoders",
    "t5xxl_fp8_e4m3fn_scaled.safetensors": "text_encoders",
    "ae.safetensors": "vae",
}
"""Files that examples use beside the pack's own, and checkpoints."""


def by_stem(path):
    return path.stem


def api_form(path):
    return read(FOLDER / "api" / f"{plain_name(path)}.json")


@pytest.fixture(scope="module")
def nodes():
    pytest.importorskip("comfy_api.latest")
    return schemas()


def test_there_are_workflows_and_nothing_is_left_over():
    stems = {path.stem for path in WORKFLOWS}
    assert len(stems) >= 10
    assert {path.stem for path in FOLDER.glob("*.jpg")} == stems
    assert {path.stem for path in (FOLDER / "api").glob("*.json")} == set(map(plain_name, WORKFLOWS))


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_the_thumbnail_is_a_small_jpeg(path):
    picture = path.with_suffix(".jpg").read_bytes()
    assert picture[:3] == b"\xff\xd8\xff" and len(picture) < SMALL


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_links_are_the_same_at_both_ends(path):
    graph = read(path)
    found = {node["id"]: node for node in graph["nodes"]}
    assert graph["version"] == 0.4 and graph["last_node_id"] == max(node["id"] for node in all_nodes(graph))
    for number, source, out, target, slot, kind in graph["links"]:
        given, taken = found[source]["outputs"][out], found[target]["inputs"][slot]
        assert number in given["links"] and taken["link"] == number
        assert given["type"] == taken["type"] == kind or "*" in (given["type"], taken["type"])
    ends = [slot["link"] for node in found.values() for slot in node.get("inputs", []) if slot.get("link")]
    assert sorted(ends) == sorted(link[0] for link in graph["links"])
    for subgraph in graphs(graph)[1:]:
        check_links(subgraph)
        (outside,) = [node for node in graph["nodes"] if node["type"] == subgraph["id"]]
        assert outside["title"] == subgraph["name"]
        for side in ("inputs", "outputs"):
            assert [(s["name"], s["type"]) for s in outside[side]] == [(s["name"], s["type"]) for s in subgraph[side]]
        assert len(outside["widgets_values"]) == sum("widget" in slot for slot in outside["inputs"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_our_nodes_in_it_are_as_they_are_now(path, nodes):
    ours = [node for node in all_nodes(read(path)) if node["type"].startswith("Likeness")]
    assert ours
    for node in ours:
        schema = nodes[node["type"]]
        now = {i.id: i for i in schema.inputs}
        # of inputs that grow each is saved as shared name, dot, own name
        assert {slot["name"].split(".")[0] for slot in node["inputs"]} == set(now), node["type"]
        assert [slot["type"] for slot in node["outputs"]] == [o.get_io_type() for o in schema.outputs]
        assert len(node.get("widgets_values", [])) == saved_widgets(schema), node["type"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_the_api_form_is_the_same_graph(path):
    graph, prompt = read(path), api_form(path)
    kept = {str(node["id"]): node["type"] for node in all_nodes(graph) if not is_subgraph(node, graph)}
    kept = {number: kind for number, kind in kept.items() if kind not in ON_THE_PAGE_ONLY}
    assert kept == {number: node["class_type"] for number, node in prompt.items()}
    linked = {
        (number, name): tuple(value)
        for number, node in prompt.items()
        for name, value in node["inputs"].items()
        if isinstance(value, list)
    }
    assert linked == wires(graph)


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_values_are_ones_that_the_nodes_take(path, nodes):
    for node in api_form(path).values():
        if not node["class_type"].startswith("Likeness"):
            continue
        known = {i.id: i for i in nodes[node["class_type"]].inputs}
        assert {name.split(".")[0] for name in node["inputs"]} <= set(known)
        for name, value in node["inputs"].items():
            if name not in ("file", "pack") and not isinstance(value, list):
                assert _takes(known[name], value), (node["class_type"], name, value)


def _takes(field, value):
    if field.get_io_type() == "COMBO":
        return value in field.options
    if field.get_io_type() in ("INT", "FLOAT"):
        return field.min <= value <= field.max
    return True


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_stem)
def test_files_it_needs_are_named_as_they_are_published(path):
    """The host's dialog of missing models offers what `properties.models` names."""
    from pack.attention.files.published import FILES

    published = {(file.folder, file.name): file for file in FILES.values()}
    graph = read(path)
    for node in all_nodes(graph):
        models = node["properties"].get("models", [])
        names = {model["name"] for model in models}
        files = [v for v in node.get("widgets_values") or [] if isinstance(v, str) and v.endswith(".safetensors")]
        files = [] if is_subgraph(node, graph) else files  # which are those of the nodes within
        assert set(files) <= names, f"{node['type']} does not say where {files} comes from"
        for model in models:
            assert model["url"].startswith("https://huggingface.co/") and model["directory"]
            if model["directory"] != "checkpoints" and OTHERS.get(model["name"]) != model["directory"]:
                file = published[model["directory"], model["name"]]
                assert (model["url"], model["hash"]) == (file.url, file.sha256)


def test_thumbnails_share_one_shape():
    """The page of templates is even."""
    assert len({_size(path.with_suffix(".jpg").read_bytes()) for path in WORKFLOWS}) == 1


def _size(jpeg):
    place = 2
    while jpeg[place + 1] not in (0xC0, 0xC1, 0xC2):
        place += 2 + struct.unpack(">H", jpeg[place + 2 : place + 4])[0]
    return struct.unpack(">HH", jpeg[place + 5 : place + 9])
