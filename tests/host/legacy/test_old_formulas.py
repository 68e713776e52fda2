"""What old nodes become gives the numbers of the old formulas, which `old_formulas` writes anew: one call of the model.

Everything goes the way of a prompt: it is rewritten, and the nodes that it became are run.
"""

import importlib
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import comfy.samplers
import graphs
import old_formulas as old
import pytest
import torch
from miniature import adapters
from pack.nodes.legacy.options import OLD_WEIGHT_TYPES
from pack.nodes.legacy.rewrite import rewritten
from pack.nodes.legacy.table import ROWS
from pack.nodes.legacy.widgets import CHOICES
from running.device import is_card

SEED = 7  # of the adapter that the fixture `load` makes
EXACT, EFFECT = 2e-5, 2e-3
BATCH, SIDE = 2, 8
EARLY, LATE = 0.3, 0.8  # of the sampling
MASK = torch.zeros(1, 64, 64)
MASK[..., 32:] = 1


class OneCall(comfy.samplers.Sampler):
    """Calls the guided model once, on latents of noise."""

    def sample(self, model_wrap, sigmas, extra_args, callback, noise, *_):
        latent = torch.randn(noise.shape, generator=torch.Generator().manual_seed(5)).to(sigmas) * sigmas[0]
        return model_wrap(latent, sigmas[:1].expand(BATCH), **extra_args)


def halves(base, model, percent):
    """What the model predicts for two pictures at a part of the sampling, positive half first: (2, B, 4, 8, 8)."""
    seen, made = {}, model.clone()
    made.set_model_sampler_post_cfg_function(
        lambda args: seen.update(args) or args["denoised"], disable_cfg1_optimization=True
    )
    guider = comfy.samplers.CFGGuider(made)
    guider.set_conds(base.positive, base.negative)
    guider.set_cfg(7.0)
    sigma = float(model.get_model_object("model_sampling").percent_to_sigma(percent))
    empty = torch.zeros(BATCH, 4, SIDE, SIDE)
    guider.sample(empty, empty, OneCall(), torch.tensor([sigma, 0.0]), disable_pbar=True)
    return torch.stack([seen["cond_denoised"], seen["uncond_denoised"]]).cpu() / sigma


def guided(guider):
    """What a guider makes of the model's answers to one call, in which all its conditionings are."""
    sigma = float(guider.model_patcher.get_model_object("model_sampling").percent_to_sigma(EARLY))
    empty = torch.zeros(BATCH, 4, 2 * SIDE, 2 * SIDE)  # in a smaller one SAG finds nothing to look at
    return guider.sample(empty, empty, OneCall(), torch.tensor([sigma, 0.0]), disable_pbar=True) / sigma


@cache
def weights(family, variant):
    return adapters.adapter_state_dict(family, variant, SEED)


@pytest.fixture(scope="module")
def classes():
    return graphs.installed()


@pytest.fixture
def photo(picture):
    """Square pictures, which every encoder's preparation scales alike."""
    return lambda *seeds: torch.cat([picture(seed, height=128, width=128) for seed in seeds])


@pytest.fixture
def ours(classes, load, photo):
    """(base, variant, old node, its inputs) -> the model that its prompt steers, by the nodes that it becomes."""

    def made(base, variant, node, more=(), **inputs):
        result = rewritten(graphs.prompt_of(node, False, **inputs) | dict(more), ROWS, classes)
        assert not result.kept, result.kept
        loaded = load(base.family, variant)
        given = {
            ("CheckpointLoaderSimple", 0): base.model,
            ("IPAdapterModelLoader", 0): loaded,
            ("CLIPVisionLoader", 0): loaded.clip_vision,
            ("LoadImage", 0): photo(1),
            ("second", 0): photo(2),
            ("both", 0): photo(1, 2),
            ("LoadImage", 1): MASK,
            ("weights", 0): [0.9, 0.3],
        }
        last = (number for number, one in result.prompt.items() if one["class_type"] == "LikenessOldSides")
        return run(result.prompt, classes, given, (next(last, "old"), 0))

    return made


def run(prompt, classes, given, link):
    """What a link of a prompt carries; `given` has what is there already, by link."""
    if link not in given:
        one = prompt[link[0]]
        inputs = {
            name: run(prompt, classes, given, tuple(value)) if isinstance(value, list) else value
            for name, value in one["inputs"].items()
        }
        for output, value in enumerate(classes[one["class_type"]].execute(**inputs).args):
            given[link[0], output] = value
    return given[link]


@dataclass(frozen=True)
class Theirs:
    """An adapter and its encoder by the old formulas."""

    base: Any
    variant: str
    encoder: Any

    def embeds(self, pictures):
        return old.embeds(self.encoder, pictures, self.variant == "plus")

    def tokens(self, embeds):
        return old.tokens(weights(self.base.family, self.variant)["image_proj"], embeds)

    @property
    def black(self):
        """'No reference' of plus adapters was a black picture; of others zeros before the projection."""
        found = self.embeds(torch.zeros(1, 224, 224, 3))
        return self.tokens(found if self.variant == "plus" else torch.zeros_like(found))

    def use(self, embeds, kind="linear", weight=0.7, boost=None, factor=None, negative=None, **more):
        where = old.factors(kind, self.base.family, weight, boost) if factor is None else factor
        sides = self.tokens(embeds), self.black if negative is None else negative
        return old.Old(self.base.family, *sides, where, old.swapped(kind, self.base.family), **more)


@pytest.fixture
def theirs(load):
    return lambda base, variant: Theirs(base, variant, load(base.family, variant).clip_vision)


PLAIN = {}


def plain(base, percent):
    """What the model predicts without an adapter, once for each family and part of the sampling."""
    if (base.family, percent) not in PLAIN:
        PLAIN[base.family, percent] = halves(base, base.model, percent)
    return PLAIN[base.family, percent]


def difference(base, variant, model, *uses, percent=EARLY, acts=True):
    """What is wrong with a model beside the old formulas, in words; empty where nothing is."""
    wanted = base.model
    for use in uses:
        wanted = use.on(wanted, weights(base.family, variant)["ip_adapter"])
    expected, found = halves(base, wanted, percent), halves(base, model, percent)
    effect = (expected - plain(base, percent)).abs().max().item()
    away = (expected - found).abs().max().item()
    if acts != (effect > EFFECT) or (not acts and effect):
        return f"an effect of {effect:.2g}"
    return f"{away:.2g} off, of an effect of {effect:.2g}" if away > EXACT else ""


def test_weight_types(base, ours, theirs, photo):
    """As the old pack made it: without the middle block."""
    side = theirs(base, "base")
    embeds = side.embeds(photo(1))

    def fault(kind):
        model = ours(base, "base", "IPAdapterAdvanced", weight=0.7, weight_type=kind, compatible="on")
        return difference(base, "base", model, side.use(embeds, kind, middle=False))

    assert not {kind: found for kind in OLD_WEIGHT_TYPES if (found := fault(kind))}


def test_the_middle_block_is_reached_unless_the_old_picture_is_wanted(sd15, ours, theirs, photo):
    side = theirs(sd15, "base")
    model = ours(sd15, "base", "IPAdapterAdvanced", weight=0.7, weight_type="strong middle")
    assert not difference(sd15, "base", model, side.use(side.embeds(photo(1)), "strong middle"))


@pytest.mark.parametrize("variant", ["base", "plus"])
def test_embeds_scaling(sd15, ours, theirs, photo, variant):
    side = theirs(sd15, variant)
    embeds = side.embeds(photo(1))

    def fault(scaling):
        settings = {"weight": 0.7, "embeds_scaling": scaling, "clip_vision": ["CLIPVisionLoader", 0]}
        model = ours(sd15, variant, "IPAdapterAdvanced", **settings, compatible="on")
        return difference(sd15, variant, model, side.use(embeds, scaling=scaling, middle=False))

    assert not {rule: found for rule in CHOICES["embeds_scaling"] if (found := fault(rule))}


def test_how_several_pictures_are_combined(sd15, ours, theirs, photo):
    side = theirs(sd15, "base")

    def fault(how):
        model = ours(sd15, "base", "IPAdapterAdvanced", image=["both", 0], weight=0.7, combine_embeds=how)
        return difference(sd15, "base", model, side.use(old.COMBINE[how](side.embeds(photo(1, 2)))))

    # 'norm average' is another rule here, on purpose: docs/coming-from.md.
    assert set(CHOICES["combine_embeds"]) - set(old.COMBINE) == {"norm average"}
    assert not {how: found for how in CHOICES["combine_embeds"] if how in old.COMBINE and (found := fault(how))}


@pytest.mark.parametrize(("window", "acts"), [((0.0, 0.5), False), ((0.7, 1.0), True), ((LATE, 0.9), True)])
def test_when_it_acts(sd15, ours, theirs, photo, window, acts):
    side = theirs(sd15, "base")
    model = ours(sd15, "base", "IPAdapterAdvanced", weight=0.7, start_at=window[0], end_at=window[1])
    use = side.use(side.embeds(photo(1)), window=window)
    assert not difference(sd15, "base", model, use, percent=LATE, acts=acts)


def test_where_it_acts(sd15, ours, theirs, photo):
    side = theirs(sd15, "base")
    model = ours(sd15, "base", "IPAdapterAdvanced", weight=0.7, attn_mask=["LoadImage", 1])
    assert not difference(sd15, "base", model, side.use(side.embeds(photo(1)), mask=MASK))


def test_a_picture_and_a_weight_for_each_frame(sd15, ours, theirs, photo):
    side = theirs(sd15, "base")
    embeds = side.embeds(photo(1, 2))
    same = ours(sd15, "base", "IPAdapterBatch", image=["both", 0], weight=0.7)
    assert not difference(sd15, "base", same, side.use(embeds, frames=True))
    listed = ours(sd15, "base", "IPAdapterBatch", image=["both", 0], weight=["weights", 0])
    both = torch.tensor([0.9, 0.3]).view(2, 1, 1)
    assert not difference(sd15, "base", listed, side.use(embeds, weight=both, frames=True))


def test_mad_scientist(base, ours, theirs, photo):
    """Written factors replace those of the weight type, and leave what it swaps."""
    side, text = theirs(base, "base"), "3:1.2, 5:0.8, 8:0.35"
    embeds = side.embeds(photo(1))

    def fault(kind):
        settings = {"weight": 0.7, "weight_type": kind, "layer_weights": text}
        model = ours(base, "base", "IPAdapterMS", **settings, compatible="on")
        return difference(base, "base", model, side.use(embeds, kind, factor=old.written(text, 0.7), middle=False))

    kinds = ("linear", "style and composition", "style transfer precise", "composition precise")
    assert not {kind: found for kind in kinds if (found := fault(kind))}


def test_second_weights(base, ours, theirs, photo):
    """The boost of the 'precise' nodes stands alone; that of Style & Composition is for another picture."""
    side, first, second = theirs(base, "base"), photo(1), photo(2)
    precise = {
        "IPAdapterPreciseStyleTransfer": ("style transfer precise", {"style_boost": 1.5}),
        "IPAdapterPreciseComposition": ("composition precise", {"composition_boost": 0.4}),
    }
    for node, (kind, boost) in precise.items():
        use = side.use(side.embeds(first), kind, boost=next(iter(boost.values())))
        assert not difference(base, "base", ours(base, "base", node, weight=0.7, **boost), use), node
    for expand, kind in ((False, "style transfer"), (True, "strong style transfer")):
        pictures = {"image_style": ["LoadImage", 0], "image_composition": ["second", 0]}
        settings = {"weight_style": 0.7, "weight_composition": 0.9, "expand_style": expand}
        model = ours(base, "base", "IPAdapterStyleComposition", **pictures, **settings)
        both = side.use(side.embeds(first), kind), side.use(side.embeds(second), "composition", weight=0.9)
        joined = replace(both[0], others=(both[1],))
        assert not difference(base, "base", model, joined), kind


@pytest.mark.parametrize("variant", ["base", "plus"])
def test_weights_of_encoders(sd15, ours, theirs, photo, variant):
    """Embeds are multiplied before the projection: in the encoder of 2023 twice."""
    side, encoder = theirs(sd15, variant), ["CLIPVisionLoader", 0]
    now = {"ipadapter": ["IPAdapterModelLoader", 0], "image": ["LoadImage", 0], "weight": 0.4, "clip_vision": encoder}
    settings = {"weight": 0.7, "clip_vision": encoder, "compatible": "on", "pos_embed": ["encoder", 0]}
    model = ours(sd15, variant, "IPAdapterEmbeds", {"encoder": graphs.node("IPAdapterEncoder", **now)}, **settings)
    assert not difference(sd15, variant, model, side.use(0.4 * side.embeds(photo(1)), middle=False))

    then = {"clip_vision": encoder, "image_1": ["LoadImage", 0], "image_2": ["second", 0], "weight_1": 0.5}
    nodes = {"encoder": graphs.node("IPAdapterEncoder", **then, weight_2=0.8, ipadapter_plus=variant == "plus")}
    settings = {"weight": 0.7, "embeds": ["encoder", 0], "compatible": "on"}
    model = ours(sd15, variant, "IPAdapterApplyEncoded", nodes, **settings)
    squared = torch.tensor([0.25, 0.64]).view(2, *(1,) * (2 if variant == "plus" else 1))
    assert not difference(sd15, variant, model, side.use(squared * side.embeds(photo(1, 2))))


@pytest.mark.parametrize("variant", ["base", "plus"])
def test_nodes_from_before_march_2024(sd15, ours, theirs, photo, variant):
    """They reached the middle block; weight types said what the weight acts on; plus adapters had the black picture."""
    side = theirs(sd15, variant)

    def fault(kind, scaling):
        settings = {"weight": 0.7, "weight_type": kind, "clip_vision": ["CLIPVisionLoader", 0], "compatible": "on"}
        model = ours(sd15, variant, "IPAdapterApply", **settings)
        return difference(sd15, variant, model, side.use(side.embeds(photo(1)), scaling=scaling))

    kinds = {"original": "V only", "linear": "K+V", "channel penalty": "K+mean(V) w/ C penalty"}
    assert not {kind: found for kind, scaling in kinds.items() if (found := fault(kind, scaling))}


def test_the_simple_node(sd15, ours, theirs, photo):
    side = theirs(sd15, "base")
    kinds = {"standard": "linear", "prompt is more important": "ease out", "style transfer": "style transfer"}
    for name, kind in kinds.items():
        model = ours(sd15, "base", "IPAdapter", weight=0.7, weight_type=name)
        assert not difference(sd15, "base", model, side.use(side.embeds(photo(1)), kind)), name


def test_a_negative_picture(sd15, ours, theirs, photo):
    side = theirs(sd15, "plus")
    settings = {"weight": 0.7, "clip_vision": ["CLIPVisionLoader", 0], "image_negative": ["second", 0]}
    model = ours(sd15, "plus", "IPAdapterAdvanced", **settings)
    negative = side.tokens(side.embeds(photo(2)))
    assert not difference(sd15, "plus", model, side.use(side.embeds(photo(1)), negative=negative))


def host_nodes(name):
    return importlib.import_module(f"comfy_extras.nodes_{name}")


def of_two_prompts(model, base):
    dual = host_nodes("custom_sampler").DualCFGGuider
    return dual.execute(model, base.positive, base.more, base.negative, 4.0, 3.0, "regular").args[0]


def of_an_empty_prompt(model, base):
    return host_nodes("perpneg").PerpNegGuider.execute(model, base.positive, base.negative, base.more, 5.0, 1.0).args[0]


def of_itself(model, base):
    guider = comfy.samplers.CFGGuider(host_nodes("sag").SelfAttentionGuidance.execute(model, 0.7, 2.0).args[0])
    guider.set_conds(base.positive, base.negative)
    guider.set_cfg(5.0)
    return guider


@pytest.mark.parametrize("guidance", [of_two_prompts, of_an_empty_prompt, of_itself])
def test_sides_by_their_place_in_the_call(sd15, ours, theirs, photo, guidance):
    """The second conditioning was the negative one and all others had the picture, also where they are something else."""
    another = sd15.clip.encode_from_tokens_scheduled(sd15.clip.tokenize("a dog"))
    side, base = theirs(sd15, "base"), SimpleNamespace(**vars(sd15), more=another)
    use = side.use(side.embeds(photo(1)), middle=False)
    expected = guided(guidance(use.on(sd15.model, weights("sd15", "base")["ip_adapter"]), base))
    by_place, by_role = (
        guided(guidance(ours(sd15, "base", "IPAdapterAdvanced", weight=0.7, compatible=choice), base))
        for choice in ("on", "off")
    )
    multiplied = 20 if is_card() else 5
    assert (by_place - expected).abs().max() < multiplied * EXACT, "guidance multiplies rounding"
    assert (by_role - expected).abs().max() > EFFECT
