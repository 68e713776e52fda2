"""The workflow files that people shared for the old packs, on the page: replaced with one click, then run."""

import json
import sys

import pytest
from pack.nodes.legacy.handler import replacement
from pack.nodes.legacy.table import ROWS
from serving.old_workflows import FILES, NO_FILES, on_the_miniature, without_third_packs

RAN = {}


@pytest.mark.skipif(not FILES, reason=NO_FILES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_replaced_with_one_click_and_runs(path, frontend, old_files):
    workflow, replaced = without_third_packs(json.loads(path.read_text(encoding="utf-8")))
    old = {str(one["id"]): one for one in workflow["nodes"] if one["type"] in ROWS}
    frontend.load(workflow)
    assert {number for number, one in frontend.nodes().items() if not one["known"]} == set(old)
    frontend.replace_all()
    assert frontend.is_drawing()
    nodes = frontend.nodes()
    assert not [one for one in nodes.values() if not one["known"]]
    for number, one in old.items():
        offered = replacement(ROWS[one["type"]])
        assert nodes[number]["kind"] == offered.new_node_id
        assert values_of(frontend, number, offered) == pytest.approx(values_in(one, offered), abs=1e-9)
    assert links_of(frontend.workflow(), {}) == links_of(workflow, old)
    entry = frontend.queue(rewritten=on_the_miniature)
    assert entry.succeeded, entry.messages.get("execution_error")
    pictures = sum(len(output.get("images", ())) for output in entry.entry["outputs"].values())
    RAN[path.stem] = (len(old), pictures, replaced)


def values_in(one, offered):
    """The widget values that a file has, by the names that our node has for them."""
    row = ROWS[one["type"]]
    names = {mapped["old_id"]: mapped["new_id"] for mapped in offered.input_mapping if "old_id" in mapped}
    saved = row.by_name(one.get("widgets_values") or [])
    found = {names[name]: value for name, value in saved.items()}
    return found | {mapped["new_id"]: mapped["set_value"] for mapped in offered.input_mapping if "set_value" in mapped}


def values_of(frontend, number, offered):
    """The same on the page."""
    wanted = {mapped["new_id"] for mapped in offered.input_mapping}
    found = frontend.widgets(number)
    return {name: value for name, value in found.items() if name in wanted}


def links_of(workflow, old):
    """Every link as (from, output, to, input), inputs of old nodes by the names that ours have for them."""
    nodes = {one["id"]: one for one in workflow["nodes"]}
    return {
        (str(source), output, str(target), _input(nodes[target], slot, old))
        for _, source, output, target, slot, *_ in workflow["links"]
    }


def _input(node, slot, old):
    name = node["inputs"][slot]["name"]
    if str(node["id"]) not in old:
        return name
    mapped = replacement(ROWS[node["type"]]).input_mapping
    return next(one["new_id"] for one in mapped if one.get("old_id") == name)


def test_a_value_between_two_steps_is_kept(frontend):
    values = [0.685, "linear", "concat", 0.0, 0.333, "V only"]
    node = {"id": 1, "type": "IPAdapterAdvanced", "pos": [0, 0], "size": [300, 300], "mode": 0, "order": 0, "flags": {}}
    frontend.load({"nodes": [node | {"widgets_values": values}], "links": [], "version": 0.4})
    frontend.replace_all()
    assert frontend.is_drawing()
    found = frontend.widgets("1")
    assert (found["weight"], found["end_at"]) == (0.685, 0.333)


def saved(number, kind, *sockets, pack=None):
    """A node as a file has it."""
    inputs = [{"name": name, "type": name.upper(), "link": None} for name in sockets]
    where = {"pos": [0, 200 * number], "size": [300, 100], "flags": {}, "order": number, "mode": 0}
    named = {} if pack is None else {"cnr_id": pack}
    return {
        "id": number,
        "type": kind,
        "inputs": inputs,
        "outputs": [],
        "properties": named,
        "widgets_values": [],
        **where,
    }


# Nodes that only share an old id: told by their inputs, or by the pack that the file names.
THEIRS = (
    saved(1, "IPAdapter", "model", "image", "clip_vision", "mask"),
    saved(2, "InstantIDModelLoader", pack="comfyui-instantid"),
)
OLD = (
    saved(3, "IPAdapterAdvanced", "model", "ipadapter", "image", "image_negative", "attn_mask", "clip_vision"),
    saved(4, "InstantIDFaceAnalysis", pack="comfyui_instantid"),
    saved(5, "IPAdapterEmbeds", "model", "ipadapter", "pos_embed", pack="a_fork_of_it"),
)


@pytest.mark.parametrize("beside", [(), (saved(6, "IPAdapter", "model", "ipadapter", "image", "attn_mask"),)])
def test_another_packs_nodes_of_the_same_ids_are_left_alone(frontend, beside):
    """Also where an old node of the very same id stands beside one."""
    workflow = {"nodes": [*THEIRS, *OLD, *beside], "links": [], "version": 0.4}
    frontend.load(workflow)
    frontend.replace_all()
    kinds = {number: one["known"] for number, one in frontend.nodes().items()}
    assert kinds == {"1": False, "2": False, "3": True, "4": True, "5": True, **({"6": True} if beside else {})}
    kept = {one["id"]: one for one in frontend.workflow()["nodes"]}
    for node in THEIRS:
        assert {name: kept[node["id"]][name] for name in node} == node


@pytest.mark.skipif(not FILES, reason=NO_FILES)
def test_how_many_ran(capsys):
    lines = ["", "| file on the page | old nodes replaced | pictures and previews | nodes of third packs replaced |"]
    lines += ["| --- | --- | --- | --- |"]
    for name, (old, pictures, replaced) in RAN.items():
        lines.append(f"| {name} | {old} | {pictures} | {'; '.join(replaced) or 'none'} |")
    with capsys.disabled():
        sys.stdout.write("\n".join(lines) + "\n")
    if len(RAN) < len(FILES):
        pytest.skip(f"{len(RAN)} of {len(FILES)} files ran in this process")
