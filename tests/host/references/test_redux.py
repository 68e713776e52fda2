"""Redux pictures in a prompt: against the host's own bias, and against the prompt without them."""

from types import SimpleNamespace

import comfy.ldm.flux.redux
import comfy.sd
import edits
import pytest
import torch
from miniature import flux_kinds, seeded
from pack.attention.branch.redux import MARKS
from pack.nodes.forms.redux_picture import ReduxPicture

import nodes

EFFECT = 1e-2
TOKENS = 9
"""Of a picture; 729 as published."""


@pytest.fixture(scope="module")
def redux():
    network = comfy.ldm.flux.redux.ReduxImageEncoder(16, flux_kinds.TEXT)
    seeded.fill(network, seeded.values(network, 1, {"weight": 2.0}))
    return comfy.sd.StyleModel(network)


def seen(seed):
    return SimpleNamespace(last_hidden_state=torch.randn(1, TOKENS, 16, generator=torch.Generator().manual_seed(seed)))


@pytest.fixture
def shown(redux):
    """Both prompts with Redux pictures of these seeds, by our node or by the host's with a strength."""

    def made(base, *seeds, strength=None):
        conds = base.shown()
        for seed in seeds:
            for side, conditioning in conds.items():
                if strength is None:
                    (conds[side],) = ReduxPicture.execute(conditioning, redux, seen(seed)).args
                else:
                    host = nodes.StyleModelApply()
                    (conds[side],) = host.apply_stylemodel(conditioning, redux, seen(seed), strength, "attn_bias")
        return conds

    return made


@pytest.mark.parametrize("weight", [0.3, 1.7])
def test_a_weight_is_the_bias_of_the_host(shown, weight):
    base = edits.edit_model("short kontext")
    settings = dict(steps=1, cfg=1.0)
    model = edits.weigh(base.model, weight, source="redux")
    made = edits.edit(base, model, **settings, **shown(base, 1))
    # The host keeps its bias in half precision.
    wanted = edits.edit(base, base.model, **settings, **shown(base, 1, strength=weight))
    torch.testing.assert_close(made, wanted, atol=2e-3, rtol=0)
    exact = float(torch.tensor(weight).log().half().float().exp())
    rounded = edits.weigh(base.model, exact, source="redux")
    torch.testing.assert_close(edits.edit(base, rounded, **settings, **shown(base, 1)), wanted, atol=1e-5, rtol=0)
    plain = edits.edit(base, base.model, **settings, **shown(base, 1))
    assert (made - plain).abs().mean() > EFFECT
    assert torch.equal(
        plain, edits.edit(base, edits.weigh(base.model, 1.0, source="redux"), **settings, **shown(base, 1))
    )


def test_all_cut_is_the_prompt_without_pictures_and_one_of_two_is_not_seen(shown, differs):
    base = edits.edit_model("short kontext")
    both = shown(base, 1, 2)
    off = edits.edit(base, edits.weigh(base.model, 0.0, 0.0, source="redux"), **both)
    assert torch.equal(off, edits.edit(base, base.model, **base.shown()))
    weighed = edits.weigh(base.model, 0.0, 1.0, source="redux")
    second = edits.edit(base, weighed, steps=1, cfg=1.0, **both)
    table = with_table(base.model, both["positive"][0][0].shape[1])
    torch.testing.assert_close(second, edits.edit(base, table, steps=1, cfg=1.0, **both), atol=1e-5, rtol=0)
    assert differs(second, edits.edit(base, base.model, steps=1, cfg=1.0, **both)) > EFFECT


def with_table(model, text):
    """A clone of a model, in which all but Redux pictures see nothing of the first one."""
    import comfy.ldm.modules.attention as host

    def override(attention, q, k, v, heads, *args, **kwargs):
        table = torch.zeros(q.shape[2], k.shape[2])
        table[: edits.TEXT, edits.TEXT : edits.TEXT + TOKENS] = -torch.inf
        table[text:, edits.TEXT : edits.TEXT + TOKENS] = -torch.inf
        return host.attention_pytorch(q, k, v, heads, mask=table.to(q.device), skip_reshape=True)

    changed = model.clone()
    changed.model_options["transformer_options"]["optimized_attention_override"] = override
    return changed


def test_a_picture_may_act_in_a_part_of_the_canvas(shown, differs):
    base = edits.edit_model("short kontext")
    left = torch.zeros(1, 96, 80)
    left[..., :40] = 1
    made = edits.edit(base, edits.weigh(base.model, {"attn_mask": left}, source="redux"), steps=1, **shown(base, 1))
    whole, off = (edits.edit(base, base.model, steps=1, **conds) for conds in (shown(base, 1), base.shown()))
    (to_whole, to_off), (right_whole, right_off) = (
        [differs(made[..., part], other[..., part]) for other in (whole, off)] for part in (slice(0, 5), slice(5, None))
    )
    assert to_whole > 1e-3 and to_off > 1e-3 and right_off < right_whole


def test_a_prompt_that_was_changed_since_is_not_guessed_at(shown, told):
    base = edits.edit_model("short kontext")
    conds = shown(base, 1)
    longer = {side: [[torch.cat([text[:, :2], text], 1), extra]] for side, ((text, extra),) in conds.items()}
    model = told(edits.weigh(base.model, 0.0, source="redux"))
    assert torch.equal(edits.edit(base, model, **longer), edits.edit(base, base.model, **longer))
    assert len(told.said) == 1 and "No prompt of this run has Redux picture 1" in told.said[0]


def test_pictures_are_counted_and_said(redux, shown):
    base = edits.edit_model("short kontext")
    once = shown(base, 1)["positive"]
    output = ReduxPicture.PREPARE_CLASS_CLONE({}).execute(once, redux, seen(2))
    assert output.ui["text"] == ("Redux picture 2, 9 tokens",) if isinstance(output.ui, dict) else output.ui
    (((text, settings),),) = output.args
    assert [mark.start for mark in settings[MARKS]] == [edits.TEXT, edits.TEXT + TOKENS]
    assert text.shape[1] == edits.TEXT + 2 * TOKENS and MARKS not in base.positive[0][1]
    for socket in (*ReduxPicture.define_schema().inputs, *ReduxPicture.define_schema().outputs):
        assert socket.tooltip
