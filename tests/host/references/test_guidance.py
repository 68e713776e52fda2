"""Reference Guidance: the host's own guider where it has nothing to do, and its formula where it has."""

from types import SimpleNamespace

import edits
import pytest
import torch
from comfy_extras import nodes_custom_sampler as custom
from pack.nodes.forms.reference_guidance import ReferenceGuidance

EFFECT = 1e-2


@pytest.fixture
def kontext():
    return edits.edit_model("short kontext")


def guided(base, guider, steps=1):
    noise = custom.RandomNoise.execute(11).args[0]
    sampler = custom.KSamplerSelect.execute("euler").args[0]
    sigmas = custom.BasicScheduler.execute(base.model, "simple", steps, 1.0).args[0]
    latent = {"samples": torch.zeros(1, 16, 12, 10)}
    return custom.SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, latent).args[0]["samples"]


def ours(base, scale, model=None, **inputs):
    return ReferenceGuidance.execute(model or base.model, base.positive, scale, **inputs).args[0]


def hosts(base, positive, negative, cfg):
    return custom.CFGGuider.execute(base.model, positive, negative, cfg).args[0]


@pytest.mark.parametrize("cfg", [1.0, 3.0])
def test_1_and_0_are_the_hosts_guider_bit_for_bit_and_between_them_its_formula(kontext, cfg, differs):
    negative = kontext.negative
    without = kontext.shown()["positive"]

    def made(scale, steps=1):
        return guided(kontext, ours(kontext, scale, cfg=cfg, negative=negative), steps)

    assert torch.equal(made(1.0, 2), guided(kontext, hosts(kontext, kontext.positive, negative, cfg), 2))
    assert torch.equal(made(0.0, 2), guided(kontext, hosts(kontext, without, negative, cfg), 2))
    has, has_not, away = (
        guided(kontext, hosts(kontext, prompt, negative, 1.0)) for prompt in (kontext.positive, without, negative)
    )
    for scale in (1.7, 0.5, -0.5):
        wanted = away + cfg * (has_not + scale * (has - has_not) - away)
        torch.testing.assert_close(made(scale), wanted, atol=5e-5, rtol=0)
    assert differs(has, has_not) > EFFECT


def test_outside_its_range_it_is_the_hosts_guider_and_without_a_negative_prompt_too(kontext, differs):
    plain = guided(kontext, custom.BasicGuider.execute(kontext.model, kontext.positive).args[0], 4)
    never = guided(kontext, ours(kontext, 2.0, start_percent=0.4, end_percent=0.41), 4)
    late = guided(kontext, ours(kontext, 2.0, start_percent=0.4), 4)
    assert torch.equal(never, plain)
    assert differs(late, plain) > 1e-3 and differs(late, guided(kontext, ours(kontext, 2.0), 4)) > 1e-3


def test_it_goes_with_weights_and_with_patches_of_guidance(kontext, differs):
    weighed = edits.weigh(kontext.model, 0.4, 1.0)
    both = guided(kontext, ours(kontext, 1.5, weighed))
    has = guided(SimpleNamespace(model=weighed), custom.BasicGuider.execute(weighed, kontext.positive).args[0])
    has_not = guided(kontext, custom.BasicGuider.execute(kontext.model, kontext.shown()["positive"]).args[0])
    torch.testing.assert_close(both, has_not + 1.5 * (has - has_not), atol=5e-5, rtol=0)
    patched = kontext.model.clone()
    patched.set_model_sampler_post_cfg_function(lambda args: args["denoised"] * 0.5)
    halved = guided(kontext, ours(kontext, 1.5, patched))
    assert differs(halved, guided(kontext, ours(kontext, 1.5))) > EFFECT


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"cfg": 3.0}, "cfg is 3, .*connect 'negative'"),
        ({"reference_scale": float("nan")}, "reference_scale is nan"),
        ({"start_percent": 0.8, "end_percent": 0.2}, "start_percent 0.8 and end_percent 0.2"),
        (
            {"positive": edits.edit_model("short kontext").shown()["positive"]},
            "has no references.*Set Reference Latent",
        ),
    ],
    ids=["cfg", "nan", "range", "none"],
)
def test_what_makes_no_sense_is_refused(kontext, inputs, says):
    with pytest.raises(ValueError, match=says):
        ReferenceGuidance.execute(**{"model": kontext.model, "positive": kontext.positive, **inputs})


def test_its_cost_is_told_and_every_socket_explained(kontext):
    def text(**inputs):
        output = ReferenceGuidance.PREPARE_CLASS_CLONE({}).execute(kontext.model, kontext.positive, **inputs)
        return (output.ui if isinstance(output.ui, dict) else output.ui.as_dict())["text"][0]

    assert text() == "with and without references: 2 predictions a step, 1 without this node"
    assert text(cfg=3.0, negative=kontext.negative).startswith("with and without references: 3 predictions a step, 2")
    assert "no call more" in text(reference_scale=1.0)
    schema = ReferenceGuidance.define_schema()
    schema.validate()
    assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
