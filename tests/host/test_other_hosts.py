"""What a renamed part of the host costs: one feature, said once, and never the whole pack."""

import logging
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from comfy_api.latest import io
from pack import nodes
from pack.attention.sampling import compiled, dispatch, unrecorded
from pack.attention.sampling.layer import Layer
from pack.nodes.available import available, usable
from pack.nodes.forms.fusion import FusionNode
from pack.nodes.forms.weight_schedule import WeightScheduleNode
from pack.nodes.page.description import described


def test_without_the_hosts_compile_node_everything_else_works(monkeypatch, caplog, sd15, apply, ksample):
    monkeypatch.setitem(sys.modules, "comfy_api.torch_helpers.torch_compile", None)
    compiled._compile_key.cache_clear()
    with caplog.at_level(logging.WARNING):
        made = ksample(sd15, apply(sd15.model, "sd15"))
    assert caplog.text.count("compiled models are not recognised") == 1
    compiled._compile_key.cache_clear()
    monkeypatch.undo()
    assert (made == ksample(sd15, apply(sd15.model, "sd15"))).all()


def test_without_the_hosts_curves_only_a_connected_curve_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "comfy_api.input", None)
    assert WeightScheduleNode.execute(points="0:1, 1:0").args[0].schedule is not None
    with pytest.raises(ValueError, match="cannot read the connected curve.*Disconnect 'curve'"):
        WeightScheduleNode.execute(curve={"points": [[0, 0], [1, 1]]})


def test_what_branches_do_is_left_out_of_what_a_host_records(monkeypatch, sd15, apply, ksample):
    recorded, seen = [True], []

    @contextmanager
    def pause():
        recorded[0] = False
        yield
        recorded[0] = True

    add_to = Layer.add_to
    monkeypatch.setattr(dispatch, "unrecorded", unrecorded.pause_of(SimpleNamespace(pause_malloc_graph=pause)))
    monkeypatch.setattr(Layer, "add_to", lambda *given: seen.append(recorded[0]) or add_to(*given))
    ksample(sd15, apply(sd15.model, "sd15"), steps=1)
    assert len(seen) == 16 and not any(seen) and recorded == [True]
    with unrecorded.pause_of(SimpleNamespace())():
        assert recorded == [True], "a host that records nothing is not asked to pause"


def test_a_renamed_part_costs_the_nodes_that_need_it_and_is_said_once(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "comfy.samplers", None)
    for name in ("refine_faces", "show_adapters"):
        monkeypatch.delitem(sys.modules, f"pack.nodes.forms.{name}")
    found = available(("forms.refine_faces", "forms.show_adapters", "forms.fusion"), "pack.nodes")
    assert [module.__name__ for module in found] == ["pack.nodes.forms.fusion"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "comfy.samplers" in caplog.text and "): refine_faces, show_adapters. Everything" in caplog.text


def test_a_form_that_the_host_does_not_take_keeps_no_other_node_from_it(monkeypatch, caplog):
    monkeypatch.setattr(WeightScheduleNode, "define_schema", classmethod(lambda cls: io.NoLongerThere))
    assert usable([FusionNode, WeightScheduleNode]) == [FusionNode]
    assert "NoLongerThere" in caplog.text and "): WeightScheduleNode. Everything" in caplog.text


def test_this_host_lacks_nothing():
    assert [module.__name__.rpartition(".")[2] for module in nodes.MODULES] == list(nodes.FORMS)
    assert len(nodes.ROUTES) == 3 and len(nodes.OLD_NODES) == 1


def test_a_curve_socket_has_a_value_for_pages_that_draw_its_editor():
    (curve,) = [each for each in WeightScheduleNode.define_schema().inputs if each.id == "curve"]
    assert curve.as_dict()["default"]["points"] == [[0, 0], [1, 1]]


def test_a_description_is_one_line_on_every_python():
    class Node:
        """Says a thing
        over two lines."""

    assert described(Node) == "Says a thing over two lines."
