"""What the host hands to the handler comes back rewritten, or as it was."""

import asyncio
from types import SimpleNamespace

import graphs
import pytest
from pack.nodes.legacy import handler, thin
from pack.nodes.legacy.expand import expanded
from pack.nodes.legacy.table import ROWS


@pytest.fixture
def host(monkeypatch):
    import nodes

    monkeypatch.setattr(nodes, "NODE_CLASS_MAPPINGS", graphs.installed())


def test_a_request_keeps_all_but_its_prompt(host, caplog):
    request = {"prompt": graphs.prompt_of("ApplyInstantID"), "client_id": "me"}
    with caplog.at_level("INFO"):
        answer = handler.on_prompt(request)
    assert answer["client_id"] == "me"
    assert answer["prompt"]["old"]["class_type"] == "LikenessApplyInstantID"
    assert request["prompt"]["old"]["class_type"] == "ApplyInstantID"
    assert "0.35" in caplog.text and len(caplog.records) == 1


@pytest.mark.parametrize("guider", ["DualCFGGuider", "PerpNegGuider", "PerpNeg", "SelfAttentionGuidance"])
@pytest.mark.parametrize("kind", ["IPAdapterAdvanced", "IPAdapterApply", "ApplyInstantID"])
def test_sides_of_prompts_are_said_where_places_mislead(host, caplog, kind, guider):
    """Unless the old picture is wanted; then the old sides come with it."""
    said = f"{guider} (guider): all prompts but negative ones have the picture"
    for choice in ("off", "on"):
        prompt = graphs.prompt_of(kind, compatible=choice) | {"guider": graphs.node(guider, model=["old", 0])}
        caplog.clear()
        with caplog.at_level("INFO"):
            new = handler.on_prompt({"prompt": prompt})["prompt"]
        assert (said in caplog.text) == (choice == "off")
        steered = new[new["guider"]["inputs"]["model"][0]]["class_type"]
        assert (steered == "LikenessOldSides") == (choice == "on")


@pytest.mark.parametrize("choice", ["off", "on"])
def test_what_the_page_has_put_in_place_says_it_when_it_runs(host, caplog, choice):
    prompt = graphs.prompt_of("IPAdapterAdvanced", compatible=choice) | {"g": graphs.node("DualCFGGuider")}
    prompt["old"]["class_type"] = ROWS["IPAdapterAdvanced"].thin_id
    running = SimpleNamespace(ephemeral_prompt={}, original_prompt=prompt)
    with caplog.at_level("INFO"):
        made = expanded(running, "old", thin.BY_CLASS)
    assert ("DualCFGGuider (g): all prompts but negative ones" in caplog.text) == (choice == "off")
    last = made.expand[made.args[0][0]]["class_type"]
    assert last == ("LikenessOldSides" if choice == "on" else "LikenessApplyIPAdapter")


SCHEDULE = "IPAdapterPromptScheduleFromWeightsStrategy"


def test_a_reason_is_one_line_and_the_node_that_says_it_takes_the_place(host, caplog):
    answer = handler.on_prompt({"prompt": {"7": graphs.node(SCHEDULE, prompt="a cat")}})
    assert answer["prompt"]["7"]["class_type"] == f"LikenessOld{SCHEDULE}"
    assert len(caplog.records) == 1 and f"{SCHEDULE} (7): it writes the text of another pack" in caplog.text


def test_a_value_that_cannot_be_read_is_named(host, caplog):
    handler.on_prompt({"prompt": {"1": graphs.node("IPAdapterAdvanced", weight_type="sideways")}})
    assert "IPAdapterAdvanced (1): there is no weight type 'sideways'" in caplog.text


THEIRS = {"model": ["0", 0], "image": ["0", 0], "clip_vision": ["0", 0], "mask": ["0", 0], "weight": 0.5}


def test_the_host_refuses_another_packs_node_with_the_reason(host, monkeypatch):
    """The host replaces by ids, in prompts too, and would look for inputs that this node has not."""
    from app.node_replace_manager import NodeReplaceManager
    from execution import validate_prompt

    manager = NodeReplaceManager()
    for row in ROWS.values():
        manager.register(handler.replacement(row))
    prompt = {"1": graphs.node("IPAdapter", **THEIRS), "0": graphs.node("LoadImage", image="photo.png")}
    answer = handler.on_prompt({"prompt": prompt})["prompt"]
    manager.apply_replacements(answer)
    is_valid, error, *_ = asyncio.run(validate_prompt("an id", answer, None))
    assert not is_valid and error["type"] == "missing_node_type"
    assert "Node 'IPAdapter (with 'clip_vision', 'mask' it is another pack's node of that id" in error["message"]
    assert {**answer["1"], "class_type": "IPAdapter"}["inputs"] == THEIRS
    with pytest.raises(KeyError):
        manager.apply_replacements(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        None,
        [],
        {"1": None},
        {"1": {"inputs": {"UNKNOWN": 1}, "_meta": {}}},
        {"1": {"class_type": ["IPAdapter"], "inputs": {}}},
        {"1": {"class_type": "IPAdapterFromParams", "inputs": {"ipadapter_params": ["1", 0]}}},
        {"1": {"class_type": "IPAdapterUnifiedLoader", "inputs": {"model": ["1", 0]}}, "2": {"inputs": None}},
    ],
)
def test_whatever_a_prompt_holds_it_reaches_the_host(host, prompt):
    request = {"prompt": prompt}
    assert handler.on_prompt(request).keys() == request.keys()


def test_the_editor_is_offered_a_node_for_every_old_one():
    """Every input that the replacement fills is there, every input and output of the old node has its place."""
    from app.node_replace_manager import NodeReplaceManager

    classes, manager = graphs.installed(), NodeReplaceManager()
    for row in ROWS.values():
        manager.register(handler.replacement(row))
    for name, (offered,) in manager.as_dict().items():
        row, kind, inputs = ROWS[name], classes[offered["new_node_id"]], offered["input_mapping"] or []
        types = kind.INPUT_TYPES()
        known = {**types.get("required", {}), **types.get("optional", {})}
        outputs = [{"new_idx": i, "old_idx": i} for i in range(len(row.outputs))]
        assert {one["new_id"] for one in inputs} <= set(known), name
        assert {one["old_id"] for one in inputs if "old_id" in one} == set(row.inputs), name
        assert (offered["old_widget_ids"], offered["output_mapping"] or []) == (list(row.widgets), outputs), name
        assert len(kind.RETURN_TYPES) >= len(row.outputs), name
        assert "." not in "".join(one["new_id"] for one in inputs), f"{name}: the editor drops such inputs"


def test_without_a_server_there_is_nothing_to_register():
    asyncio.run(handler.register())
