"""What the host hands to the handler comes back rewritten, or as it was."""

import asyncio

import graphs
import pytest
from pack.nodes.legacy import handler
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


SCHEDULE = "IPAdapterPromptScheduleFromWeightsStrategy"


def test_a_reason_is_one_line_and_the_node_that_says_it_takes_the_place(host, caplog):
    answer = handler.on_prompt({"prompt": {"7": graphs.node(SCHEDULE, prompt="a cat")}})
    assert answer["prompt"]["7"]["class_type"] == f"LikenessOld{SCHEDULE}"
    assert len(caplog.records) == 1 and f"{SCHEDULE} (7): it writes the text of another pack" in caplog.text


def test_a_value_that_cannot_be_read_is_named(host, caplog):
    handler.on_prompt({"prompt": {"1": graphs.node("IPAdapterAdvanced", weight_type="sideways")}})
    assert "IPAdapterAdvanced (1): there is no weight type 'sideways'" in caplog.text


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


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_editor_is_offered_a_node_for_every_old_one(name):
    """Every input that the replacement fills is there, every input and output of the old node has its place."""
    from app.node_replace_manager import NodeReplaceManager

    classes, manager, row = graphs.installed(), NodeReplaceManager(), ROWS[name]
    manager.register(handler.replacement(row))
    offered = manager.as_dict()[name][0]
    kind = classes[offered["new_node_id"]]
    types = kind.INPUT_TYPES()
    known = {**types.get("required", {}), **types.get("optional", {})}
    assert {one["new_id"] for one in offered["input_mapping"] or ()} <= set(known)
    assert {one["old_id"] for one in offered["input_mapping"] or () if "old_id" in one} == set(row.inputs)
    assert offered["old_widget_ids"] == list(row.widgets)
    assert (offered["output_mapping"] or []) == [{"new_idx": i, "old_idx": i} for i in range(len(row.outputs))]
    assert len(kind.RETURN_TYPES) >= len(row.outputs)
    assert "." not in "".join(one["new_id"] for one in offered["input_mapping"]), "the editor drops such inputs"


def test_without_a_server_there_is_nothing_to_register():
    asyncio.run(handler.register())
