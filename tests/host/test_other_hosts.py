"""What a renamed part of the host costs: one feature, said once, and never the whole pack."""

import logging
import sys

import pytest
from pack.attention.sampling import compiled
from pack.nodes.forms.weight_schedule import WeightScheduleNode
from pack.nodes.page.description import described


def test_without_the_hosts_compile_node_everything_else_works(monkeypatch, caplog, sd15, apply, ksample):
    monkeypatch.setitem(sys.modules, "comfy_api.torch_helpers.torch_compile", None)
    compiled._compile_key.cache_clear()
    with caplog.at_level(logging.WARNING):
        made = ksample(sd15, apply(sd15.model, "sd15"))
    compiled._compile_key.cache_clear()
    monkeypatch.undo()
    assert (made == ksample(sd15, apply(sd15.model, "sd15"))).all()
    assert caplog.text.count("compiled models are not recognised") == 1


def test_without_the_hosts_curves_only_a_connected_curve_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "comfy_api.input", None)
    assert WeightScheduleNode.execute(points="0:1, 1:0").args[0].schedule is not None
    with pytest.raises(ValueError, match="cannot read the connected curve.*Disconnect 'curve'"):
        WeightScheduleNode.execute(curve={"points": [[0, 0], [1, 1]]})


def test_a_curve_socket_has_a_value_for_pages_that_draw_its_editor():
    (curve,) = [each for each in WeightScheduleNode.define_schema().inputs if each.id == "curve"]
    assert curve.as_dict()["default"]["points"] == [[0, 0], [1, 1]]


def test_a_description_is_one_line_on_every_python():
    class Node:
        """Says a thing
        over two lines."""

    assert described(Node) == "Says a thing over two lines."
