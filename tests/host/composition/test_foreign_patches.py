"""Other packs' patches around the cross-attention: rows that they repeat, outputs that they change, grids."""

import logging

import pytest
import torch
from running.device import is_card


def chunks_of(x, options):
    return list(zip(x.chunk(len(options["cond_or_uncond"])), options["cond_or_uncond"], strict=True))


def coupled(model, regions):
    """A model as packs that couple prompts to regions make it: positive rows once for each region, then averaged.

    The regions have the same prompt here, so that the picture must be the one without them.
    """

    def expand(n, context, value, options):
        def repeated(x):
            return torch.cat([part if index else part.repeat(regions, 1, 1) for part, index in chunks_of(x, options)])

        return repeated(n), repeated(context), repeated(value)

    def join(n, options):
        frames = options["likeness_frames"]
        out, start = [], 0
        for index in options["cond_or_uncond"]:
            rows = frames if index else frames * regions
            part = n[start : start + rows]
            out.append(part if index else part.reshape(regions, frames, *part.shape[1:]).mean(0))
            start += rows
        return torch.cat(out)

    changed = model.clone()
    changed.set_model_attn2_patch(expand)
    changed.set_model_attn2_output_patch(join)
    return changed


@pytest.mark.parametrize("regions", [2, 3])
def test_rows_that_a_patch_repeats_get_their_own_tokens(sd15, apply, ksample, picture, reached, differs, regions):
    """Two frames with a picture each: a wrong side or a wrong frame in any row would change the result."""
    steered = apply(sd15.model, "sd15", image=picture(1, count=2), combine="one per frame")
    steered.model_options["transformer_options"]["likeness_frames"] = 2  # for the foreign patch above
    plain = ksample(sd15, steered, batch=2)
    reached.clear()
    result = ksample(sd15, coupled(steered, regions), batch=2)
    torch.testing.assert_close(result, plain, atol=1e-3, rtol=1e-3)
    assert differs(plain, ksample(sd15, batch=2)) > differs.effect
    for asked in reached:
        assert (asked.sides.count("positive"), asked.sides.count("negative")) == (2 * regions, 2)


def test_rows_repeated_in_an_unknown_way_are_left_alone_with_one_warning(sd15, apply, ksample, caplog):
    def one_more(n, context, value, options):
        return tuple(torch.cat([x, x[:1]]) for x in (n, context, value))

    def one_less(n, options):
        return n[:-1]

    def foreign(model):
        changed = model.clone()
        changed.set_model_attn2_patch(one_more)
        changed.set_model_attn2_output_patch(one_less)
        return changed

    with caplog.at_level(logging.WARNING):
        result = ksample(sd15, foreign(apply(sd15.model, "sd15")), batch=2)
    assert torch.equal(result, ksample(sd15, foreign(sd15.model), batch=2))
    assert len([record for record in caplog.records if "likeness" in record.message]) == 1


def test_an_output_patch_of_another_pack_sees_the_steered_output(sd15, apply, ksample, differs):
    def doubled(n, options):
        return 2 * n

    def foreign(model):
        changed = model.clone()
        changed.set_model_attn2_output_patch(doubled)
        return changed

    before = ksample(sd15, apply(foreign(sd15.model), "sd15"))
    after = ksample(sd15, foreign(apply(sd15.model, "sd15")))
    assert torch.equal(before, after)
    assert differs(after, ksample(sd15, foreign(sd15.model))) > differs.effect
    assert differs(after, ksample(sd15, apply(sd15.model, "sd15"))) > differs.effect


def test_a_patch_of_the_context_changes_the_text_and_not_the_reference(sd15, apply, ksample, differs):
    """With no text at all left, what the branch adds is still there."""

    def no_text(n, context, value, options):
        return n, torch.zeros_like(context), torch.zeros_like(value)

    def foreign(model):
        changed = model.clone()
        changed.set_model_attn2_patch(no_text)
        return changed

    steered = ksample(sd15, foreign(apply(sd15.model, "sd15")))
    assert torch.equal(steered, ksample(sd15, apply(foreign(sd15.model), "sd15")))
    assert differs(steered, ksample(sd15, foreign(sd15.model))) > differs.effect


def node_output(returned):
    """The first output of a core node, which some return as a plain tuple."""
    return getattr(returned, "args", returned)[0]


def core_patches():
    from comfy_extras import nodes_freelunch, nodes_hypertile, nodes_model_downscale, nodes_tomesd

    return {
        "FreeU": lambda model: nodes_freelunch.FreeU_V2.execute(model, 1.3, 1.4, 0.9, 0.2),
        "HyperTile": lambda model: nodes_hypertile.HyperTile.execute(model, 64, 1, 0, False),
        "deep shrink": lambda model: nodes_model_downscale.PatchModelAddDownscale.execute(
            model, 3, 2.0, 0.0, 0.6, True, "bicubic", "bicubic"
        ),
        "ToMe": lambda model: nodes_tomesd.TomePatchModel.execute(model, 0.3),
    }


@pytest.mark.parametrize("name", ["FreeU", "HyperTile", "deep shrink", "ToMe"])
def test_core_patches_of_the_unet_work_with_a_masked_branch(sd15, apply, ksample, differs, name):
    """They change grids, tokens or hidden states; the mask follows the grid that a layer really has."""

    def patch(model):
        return node_output(core_patches()[name](model))

    mask = torch.zeros(1, 64, 64)
    mask[..., :32] = 1
    before = ksample(sd15, apply(patch(sd15.model), "sd15", attn_mask=mask), height=32, width=32)
    after = ksample(sd15, patch(apply(sd15.model, "sd15", attn_mask=mask)), height=32, width=32)
    # Which tokens ToMe merges on a card, it sums up there in any order.
    near = 2e-3 if is_card() and name == "ToMe" else 1e-4
    torch.testing.assert_close(before, after, atol=near, rtol=near)
    assert differs(after, ksample(sd15, patch(sd15.model), height=32, width=32)) > 5e-3
    assert differs(after, ksample(sd15, apply(sd15.model, "sd15", attn_mask=mask), height=32, width=32)) > 1e-4
