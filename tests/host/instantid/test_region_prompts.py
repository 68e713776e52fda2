"""Region Prompts on the miniature: each region is painted by its own prompt, beside a share of the whole picture's."""

import pytest
import torch
from instantid_runs import columns, control_net, drawn, ran

WIDTH = 24
EXACT, EFFECT = 1e-3, 0.1  # of latents up to 30: sigma 14.6 is taken off in the one step
RED, BLUE = "a man in a red suit", "an old woman with a blue umbrella"


@pytest.fixture
def regions(sdxl):
    """Region Prompts on two columns; every input can be replaced."""
    from pack.nodes.forms.region_prompts import RegionPrompts

    def made(prompts, **inputs):
        given = {"clip": sdxl.clip, "positive": sdxl.positive, "masks": columns(2), "prompts": prompts}
        return ran(RegionPrompts, **{**given, **inputs})

    return made


@pytest.fixture
def read(sdxl):
    return lambda text: sdxl.clip.encode_from_tokens_scheduled(sdxl.clip.tokenize(text))


@pytest.fixture
def painted(sdxl, ksample):
    """What one step paints from a positive conditioning; cfg 1, so that nothing else is in it."""
    return lambda positive, **how: ksample(sdxl, width=WIDTH, steps=1, cfg=1.0, positive=positive, **how)


def halves(latent):
    return latent.chunk(2, dim=-1)


def test_without_a_base_share_each_region_is_its_own_prompts_picture(regions, painted, read):
    both = halves(painted(regions(f"{RED}\n{BLUE}", base_share=0.0).positive))
    for place, text in enumerate((RED, BLUE)):
        alone, other = (halves(painted(read(each)))[place] for each in (text, BLUE if text == RED else RED))
        assert (both[place] - alone).abs().max() < EXACT
        assert (alone - other).abs().max() > EFFECT


def test_the_base_share_is_the_part_of_the_whole_pictures_prompt(sdxl, regions, painted, read):
    found = halves(painted(regions(f"{RED}\n{BLUE}", base_share=0.25).positive))[1]
    whole, own = (halves(painted(each))[1] for each in (sdxl.positive, read(BLUE)))
    assert (found - (0.25 * whole + 0.75 * own)).abs().max() < EXACT
    assert (whole - own).abs().max() > EFFECT


def test_a_region_with_an_empty_line_and_what_is_in_no_region_are_the_whole_pictures(sdxl, regions, painted, read):
    found = painted(regions(f"\n{BLUE}\n", masks=columns(3)[:2], base_share=0.0).positive).chunk(3, dim=-1)
    whole, own = (painted(each).chunk(3, dim=-1) for each in (sdxl.positive, read(BLUE)))
    for place, wanted in enumerate((whole[0], own[1], whole[2])):
        assert (found[place] - wanted).abs().max() < EXACT


@pytest.mark.parametrize("how", [{"prompts": "\n"}, {"prompts": f"{RED}\n{BLUE}", "base_share": 1.0}], ids=str)
def test_where_no_region_has_a_say_the_conditioning_is_passed_on(sdxl, regions, how):
    assert regions(**how).positive is sdxl.positive


def test_where_regions_overlap_they_share_and_together_they_are_everywhere(regions):
    masks = torch.rand(2, 64, 96, generator=torch.Generator().manual_seed(0))
    weights = [entry[1]["mask"] for entry in regions(f"{RED}\n{BLUE}", masks=masks, base_share=0.3).positive]
    assert len(weights) == 3
    torch.testing.assert_close(sum(weights), torch.ones(1, 64, 96))
    assert (weights[0] >= 0.3 - 1e-6).all()


def test_a_mask_that_the_whole_pictures_prompt_has_stays(sdxl, regions):
    before = torch.zeros(1, 16, 24)
    before[..., :16] = 1
    ((text, options),) = sdxl.positive
    masked = [[text, {**options, "mask": before, "mask_strength": 0.5}]]
    base = regions(f"{RED}\n", positive=masked, base_share=0.0).positive[0][1]
    wanted = before.clone()
    wanted[..., :12] = 0
    assert torch.equal(base["mask"], wanted) and base["mask_strength"] == 0.5
    assert torch.equal(masked[0][1]["mask"], before)


def test_controlnets_and_sizes_of_the_whole_pictures_prompt_count_for_the_regions(sdxl, regions):
    import nodes

    shown = torch.rand(1, 128, 192, 3)
    depth = nodes.ControlNetApplyAdvanced().apply_controlnet(
        sdxl.positive, sdxl.negative, control_net(9), shown, 0.5, 0, 1
    )
    sized = [[text, {**options, "width": 1216}] for text, options in depth[0]]
    entries = regions(f"{RED}\n{BLUE}", positive=sized).positive
    assert len(entries) == 3
    for _, options in entries:
        assert options["control"] is sized[0][1]["control"] and options["width"] == 1216
    assert "mask" not in sized[0][1]


def test_with_instantid_each_person_has_a_face_and_a_prompt(regions, apply_instantid, photos, read, painted):
    def person_by_person(positive):
        out = apply_instantid(
            photos(1, 2), positive=positive, masks=columns(2), image=drawn((0, 0), (64, 0), size=(8 * WIDTH, 128))
        )
        assert len({id(options["control"]) for _, options in out.positive}) == 1
        return halves(painted(out.positive, model=out.model, negative=out.negative))

    both = person_by_person(regions(f"{RED}\n{BLUE}", base_share=0.0).positive)
    for place, text in enumerate((RED, BLUE)):
        assert (both[place] - person_by_person(read(text))[place]).abs().max() < EXACT


def test_it_says_which_prompt_is_whose(regions):
    assert regions(f"{RED}\n").text == f"mask 1: {RED}\nmask 2: (only the prompt for the whole picture)"


@pytest.mark.parametrize(("prompts", "count"), [(RED, 1), (f"{RED}\n{BLUE}\n{RED}", 3), ("", 1)])
def test_another_number_of_lines_than_masks_is_refused(regions, prompts, count):
    with pytest.raises(ValueError, match=rf"'prompts': {count}; masks: 2\. Write one line for each"):
        regions(prompts)


def test_a_checkpoint_without_text_encoder_is_named(regions):
    with pytest.raises(ValueError, match="no text encoder"):
        regions(f"{RED}\n{BLUE}", clip=None)
