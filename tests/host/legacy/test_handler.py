"""What the host hands to the handler comes back rewritten, or as it was."""

import asyncio

import graphs
import pytest
from pack.nodes.legacy import handler
from pack.nodes.legacy.shape import Flat
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


def test_a_reason_is_one_line(host, caplog):
    answer = handler.on_prompt({"prompt": {"7": graphs.node("IPAdapterLoadEmbeds", embeds="a.ipadpt")}})
    assert answer["prompt"]["7"]["class_type"] == "IPAdapterLoadEmbeds"
    assert len(caplog.records) == 1 and "IPAdapterLoadEmbeds (7): its .ipadpt" in caplog.text


def test_a_value_that_cannot_be_read_is_named(host, caplog):
    handler.on_prompt({"prompt": {"1": graphs.node("IPAdapterWeights", weights="a lot")}})
    assert "IPAdapterWeights (1): 'a lot' is not a number" in caplog.text


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


def test_the_editor_is_offered_what_maps_one_to_one():
    from app.node_replace_manager import NodeReplaceManager

    classes, manager = graphs.installed(), NodeReplaceManager()
    flat = [row for row in ROWS.values() if isinstance(row.becomes, Flat)]
    assert len(flat) >= 6
    for row in flat:
        replacement = handler.replacement(row, row.becomes)
        manager.register(replacement)
        types = classes[replacement.new_node_id].INPUT_TYPES()
        known = {**types["required"], **types.get("optional", {})}
        for mapped in replacement.input_mapping:
            assert mapped["new_id"] in known
            assert mapped.get("old_id", "") in (*row.inputs, "")
    assert manager.as_dict()["IPAdapterNoise"][0]["old_widget_ids"] == ["type", "strength", "blur"]


def test_without_a_server_there_is_nothing_to_register():
    asyncio.run(handler.register())
