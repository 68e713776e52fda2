"""Reference Weights as the graph calls it: what it takes, shows and refuses."""

from types import SimpleNamespace

import edits
import pytest
import torch
from pack.attention.models.kinds import REFERENCES
from pack.attention.sampling.attach import attachments
from pack.attention.weights.schedule import Schedule
from pack.nodes.forms.reference_weights import ReferenceWeights
from pack.nodes.forms.show_adapters import ShowAdapters
from pack.nodes.wires import WeightSchedule


@pytest.fixture
def kontext():
    return edits.edit_model("short kontext")


def ran(node, **inputs):
    """A node through the host's own preparation: its outputs and its text."""
    output = node.PREPARE_CLASS_CLONE({}).execute(**inputs)
    ui = output.ui if isinstance(output.ui, dict) else output.ui.as_dict()
    return SimpleNamespace(args=output.args, model=output.args[-1], text=ui["text"][0])


def test_every_socket_is_explained():
    schema = ReferenceWeights.define_schema()
    schema.validate()
    assert schema.node_id == "LikenessReferenceWeights" and schema.category == "likeness/weights"
    for socket in [*schema.inputs, *schema.outputs]:
        assert socket.tooltip, socket.id
    ReferenceWeights.GET_NODE_INFO_V1()


@pytest.mark.parametrize(("kind", "blocks"), [("short kontext", 4), ("short flux2", 4), ("short qwen image", 2)])
def test_rows_become_weights_of_a_model_of_each_kind(kind, blocks, differs):
    base = edits.edit_model(kind)
    assert len(REFERENCES.attentions(base.model)) == blocks
    made = ran(ReferenceWeights, model=base.model, references="1, 0.3")
    assert made.text.splitlines()[1:] == ["reference 1: as it is", "reference 2: weight 0.3"]
    assert f": {blocks} blocks read references" in made.text
    wanted = edits.edit(base, edits.weigh(base.model, 1.0, 0.3), steps=1)
    assert torch.equal(edits.edit(base, made.model, steps=1), wanted)
    assert torch.equal(edits.edit(base, ReferenceWeights.execute(base.model).args[0]), edits.edit(base))


def test_drawn_and_connected_masks_and_schedules_act(kontext):
    left = torch.zeros(1, 96, 80)
    left[..., :40] = 1
    wanted = edits.edit(kontext, edits.weigh(kontext.model, {"attn_mask": left}), steps=1)
    half = '"mask": [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]'
    drawn = ran(ReferenceWeights, model=kontext.model, references=f"[{{{half}}}]")
    assert drawn.text.endswith("reference 1: weight 1, masked")
    both = ReferenceWeights.execute(kontext.model, f"[{{{half}}}]", torch.ones(1, 96, 80)).args[0]
    connected = ReferenceWeights.execute(kontext.model, "1", left).args[0]
    for model in (drawn.model, both, connected):
        assert torch.equal(edits.edit(kontext, model, steps=1), wanted)
    course = WeightSchedule(Schedule(((0.0, 0.5),)))
    rows = '[{"schedule": "0:0.25"}, {"weight": 0.5}]'
    model = ReferenceWeights.execute(kontext.model, rows, schedule=course).args[0]
    assert torch.equal(edits.edit(kontext, model), edits.edit(kontext, edits.weigh(kontext.model, 0.25, 0.25)))


def test_show_adapters_shows_what_the_run_will_do(kontext):
    rows = '[{"weight": 0.5, "start": 0.5}, {"weight": 1}]'
    shown = ran(ShowAdapters, model=ReferenceWeights.execute(kontext.model, rows).args[0], steps=4, scheduler="simple")
    assert shown.text.splitlines() == ["reference 1: 4 of 4 blocks, 4 of 4 steps", "reference 2: does not act"]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"references": ""}, "'references' is empty. Write a weight"),
        ({"references": "-1"}, "weight of reference 1 is -1; it must be 0 or more"),
        ({"references": "1, 1", "masks": torch.ones(1, 8, 8)}, "masks has 1 masks for 2 rows"),
        ({"references": "1", "schedule": WeightSchedule(Schedule(((0.0, -1.0),)))}, "schedule of reference 1 is -1"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(kontext, inputs, says):
    with pytest.raises(ValueError, match=says):
        ReferenceWeights.execute(kontext.model, **inputs)


def test_a_model_that_reads_no_references_is_named_with_what_would_fit(sd15):
    with pytest.raises(ValueError, match="reads no references as tokens. Connect .*FLUX.2 .*use Apply IP-Adapter"):
        ReferenceWeights.execute(sd15.model, "0.5")
    from miniature import flux, sd3

    for other in (sd3.model("sd3.5 large", 1), flux.model("chroma", 1)):
        with pytest.raises(ValueError, match="reads no references"):
            ReferenceWeights.execute(other, "0.5")
    assert not attachments(sd15.model)


def test_the_page_reads_rows_as_the_node_does():
    from pack.nodes.page.editor_tables import read

    text = '[{"of": "redux", "weight": 0.5, "schedule": "0:1, 1:0", "mask": [[[0, 0], [1, 0], [1, 1]]]}]'
    (row,) = read("references", text, "")["rows"]
    assert row == {
        "of": "redux",
        "weight": 0.5,
        "start": 0.0,
        "end": 1.0,
        "schedule": "0:1, 1:0",
        "mask": (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),),
    }
