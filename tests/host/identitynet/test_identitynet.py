"""IdentityNet on the host's own classes: its context, its place in a chain, its mask, areas, batches and copies."""

import gc
import weakref
from types import SimpleNamespace
from uuid import uuid4

import comfy.controlnet
import comfy.model_management
import comfy.t2i_adapter.adapter
import pytest
import torch
from comfy.patcher_extension import WrappersMP
from identity_runs import (
    WIDTH,
    call,
    carried,
    copied,
    distance,
    face,
    flat,
    half,
    hints,
    identity,
    network,
    plain,
    recorded,
    same,
    shown,
    tokens,
    watching,
)
from pack.attention.identitynet.hint import Hint
from pack.attention.identitynet.net import FaceContext, IdentityNet
from pack.attention.identitynet.wrap import identitynet_from
from pack.attention.sampling.attach import RUN
from pack.attention.sampling.rows import Conditionings
from pack.attention.sampling.run import Run
from pack.attention.weights.schedule import Range
from running.device import is_card

import nodes

EFFECT = 1e-2  # of a residual's largest value


@pytest.fixture
def residuals(sdxl, ksample):
    """What the nets give the UNet in each model call of a run: [(chunk indices, residuals)]."""

    def of(model=None, **inputs):
        watched, seen = recorded(carried(model or sdxl.model))
        ksample(sdxl, watched, **{"steps": 1, **inputs})
        return seen

    return of


@pytest.fixture
def only(residuals):
    """The residuals of the one call of a one-step run with both halves in one batch."""

    def of(**inputs):
        ((indices, control),) = residuals(**inputs)
        assert len(indices) == 2
        return control

    return of


def with_controlnet_key(conditioning, context):
    return [[text, {**options, "cross_attn_controlnet": context}] for text, options in conditioning]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn], ids=str)
def test_its_residuals_are_those_of_the_host_with_the_tokens_as_context(sdxl, only, dtype):
    net, context = network(dtype=dtype), face()
    positive = with_controlnet_key(sdxl.positive, context.positive)
    negative = with_controlnet_key(sdxl.negative, context.negative)
    host = only(**plain(sdxl, net, positive=positive, negative=negative, strength=0.8))
    ours = only(**identity(sdxl, context, net=net, strength=0.8))
    assert same(ours, host)
    assert distance(ours, only(**plain(sdxl, net, strength=0.8))) > EFFECT, "the tokens matter"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_in_half_precision_its_residuals_are_the_hosts_too(sdxl, only, dtype):
    """As on a GPU that computes in the type of the weights; on the CPU the host would compute in float32."""
    net, context = network(dtype=dtype).copy(), face(mask=torch.ones(1, 64, 64))
    net.manual_cast_dtype = None
    positive = with_controlnet_key(sdxl.positive, context.positive)
    negative = with_controlnet_key(sdxl.negative, context.negative)
    ours = only(**identity(sdxl, context, net=net))
    assert {residual.dtype for residual in flat(ours)} == {dtype}
    assert same(ours, only(**plain(sdxl, net, positive=positive, negative=negative)))


@pytest.mark.parametrize("lengths", [(16, 16), (80, 16), (16, 5)], ids=str)
def test_each_half_reads_its_own_tokens_of_any_number(sdxl, only, lengths):
    context = FaceContext(tokens(1, length=lengths[0]), tokens(2, length=lengths[1]))
    both = only(**identity(sdxl, context))
    only_positive = only(**identity(sdxl, FaceContext(context.positive, context.positive)))
    only_negative = only(**identity(sdxl, FaceContext(context.negative, context.negative)))
    # The host runs the last conditioning first: negative, then positive.
    assert distance(half(both, 1), half(only_positive, 1)) < 1e-5
    assert distance(half(both, 0), half(only_negative, 0)) < 1e-5
    assert distance(half(both, 1), half(only_negative, 1)) > EFFECT
    assert distance(half(both, 0), half(only_positive, 0)) > EFFECT


@pytest.mark.parametrize("first", ["depth", "identity"])
def test_another_net_of_its_chain_keeps_the_text(sdxl, only, first):
    depth, picture = network(9), hints(8)
    with watching(depth) as alone:
        only(**plain(sdxl, depth, picture))
    with watching(depth) as chained:
        if first == "depth":
            conds = identity(sdxl, face(), **plain(sdxl, depth, picture))
        else:
            conds = plain(sdxl, depth, picture, **identity(sdxl, face()))
        total = only(**conds)
    assert len(alone) == len(chained) == 1
    assert same(chained[0][1], alone[0][1])
    ours = only(**identity(sdxl, face()))
    parts = [flat(control) for control in (alone[0][1], ours)]
    assert all(torch.equal(t, a + b) for t, a, b in zip(flat(total), *parts, strict=True))


def test_a_context_set_for_the_other_nets_stays_theirs(sdxl, only):
    """The host's CLIPTextEncodeControlnet sets a context for all nets of a chain; ours reads the face still."""
    other = tokens(77, length=77)
    marked = {
        "positive": with_controlnet_key(sdxl.positive, other),
        "negative": with_controlnet_key(sdxl.negative, other),
    }
    assert same(only(**identity(sdxl, face(), **marked)), only(**identity(sdxl, face())))


def test_two_identitynets_in_a_chain_read_a_face_each(sdxl, only):
    first, second = face(5), face(6)
    total = only(**identity(sdxl, second, hints(8), **identity(sdxl, first)))
    parts = [only(**identity(sdxl, first)), only(**identity(sdxl, second, hints(8)))]
    assert all(torch.equal(t, a + b) for t, a, b in zip(flat(total), *map(flat, parts), strict=True))
    assert distance(*parts) > EFFECT


def test_both_halves_share_one_copy_for_each_net_before_it(sdxl):
    conds = identity(sdxl, face())
    controls = [options["control"] for side in conds.values() for _, options in side]
    assert len({id(control) for control in controls}) == 1
    chained = identity(sdxl, face(), positive=conds["positive"])
    (positive,), (negative,) = ([options["control"] for _, options in side] for side in chained.values())
    assert positive is not negative
    assert positive.previous_controlnet is controls[0]
    assert negative.previous_controlnet is None
    assert all(options["control_apply_to_uncond"] is False for side in chained.values() for _, options in side)
    assert all("control" not in options for _, options in sdxl.positive + sdxl.negative)


def test_halves_batched_together_or_apart_agree(sdxl, residuals, monkeypatch):
    conds = identity(sdxl, face())
    ((indices, together),) = residuals(**conds)
    assert indices == (1, 0)
    monkeypatch.setattr(type(sdxl.model), "get_free_memory", lambda self, device: 0)
    apart = dict(residuals(**conds))
    assert set(apart) == {(0,), (1,)}
    for place, index in enumerate(indices):
        assert distance(half(together, place), apart[(index,)]) < 1e-5
    assert distance(apart[(0,)], apart[(1,)]) > EFFECT


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("polarity", ["positive", "negative"])
def test_the_run_tells_the_halves_apart_whatever_their_index(sdxl, polarity, index):
    """DualCFG gives the negative the index 0."""
    context, uuid = face(), uuid4()
    run = Run((), sdxl.model.model.model_sampling, Conditionings.of({polarity: [{"uuid": uuid}]}, (16, 16)))
    found = call(shown(context), sdxl, {RUN: run, "cond_or_uncond": [index], "uuids": [uuid]})
    chosen = getattr(context, polarity)
    wanted = call(shown(FaceContext(chosen, chosen)), sdxl, {"cond_or_uncond": [0], "uuids": [uuid]})
    assert same(found, wanted)


@pytest.mark.parametrize(("index", "polarity"), [(0, "positive"), (1, "negative")])
def test_without_a_run_the_index_tells(sdxl, index, polarity):
    context = face()
    chosen = getattr(context, polarity)
    found = call(shown(context), sdxl, {"cond_or_uncond": [index]})
    assert same(found, call(shown(FaceContext(chosen, chosen)), sdxl, {"cond_or_uncond": [0]}))


NOWHERE = {
    "strength 0": ({}, {"strength": 0.0}),
    "an empty mask": ({"mask": torch.zeros(1, 64, 64)}, {}),
    "a range that the step is outside of": ({}, {"range": Range(0.5)}),
}


@pytest.mark.parametrize(("mask", "how"), NOWHERE.values(), ids=NOWHERE)
def test_where_it_acts_nowhere_there_are_no_residuals_and_no_work(sdxl, residuals, ksample, mask, how):
    conds = identity(sdxl, face(**mask), **how)
    with watching(network()) as ran:
        ((_, control),) = residuals(**conds)
    assert control is None
    assert not ran
    assert torch.equal(ksample(sdxl, carried(sdxl.model), steps=1, **conds), ksample(sdxl, steps=1))


def test_a_strength_set_to_0_later_is_no_work_either(sdxl):
    with watching(network()) as ran:
        assert call(shown(face(), strength=0.0), sdxl, {"cond_or_uncond": [0]}) is None
    assert not ran


@pytest.mark.parametrize(("mask", "how"), NOWHERE.values(), ids=NOWHERE)
def test_where_it_acts_nowhere_the_net_before_it_is_untouched(sdxl, only, mask, how):
    depth = plain(sdxl, network(9))
    assert same(only(**identity(sdxl, face(**mask), **depth, **how)), only(**depth))


def test_it_acts_from_start_to_end_percent(sdxl, residuals):
    steps = residuals(**identity(sdxl, face(), range=Range(0.5)), steps=4)
    assert [control is not None for _, control in steps] == [False, False, True, True]


@pytest.mark.parametrize("rule", ["mean", "bilinear"])
@pytest.mark.parametrize("size", [(128, 128), (64, 64), (50, 70)], ids=str)
def test_a_full_mask_is_no_mask_bit_for_bit(sdxl, only, size, rule):
    full = face(mask=torch.ones(1, *size), mask_rule=rule)
    assert same(only(**identity(sdxl, full)), only(**identity(sdxl, face())))


@pytest.mark.parametrize("rule", ["mean", "bilinear"])
def test_a_mask_of_one_side_leaves_the_other_at_zero(sdxl, only, rule):
    left = torch.zeros(1, 128, 128)
    left[..., :64] = 1
    found = only(**identity(sdxl, face(mask=left, mask_rule=rule)))
    whole = only(**identity(sdxl, face()))
    for masked, full in zip(flat(found), flat(whole), strict=True):
        middle = masked.shape[-1] // 2
        assert torch.equal(masked[..., :middle], full[..., :middle])
        assert not masked[..., middle:].any()


def area(conditioning, x, width):
    return nodes.ConditioningSetArea().append(conditioning, width, 128, x, 0, 1.0)[0]


def test_an_area_gets_its_part_of_the_hint_and_of_the_mask(sdxl, residuals):
    """Two areas of one size run in one batch: each row has its own part."""
    picture = hints()
    left = torch.zeros(1, 128, 128)
    left[..., :64] = 1
    halves = [*area(sdxl.positive, 0, 64), *area(sdxl.positive, 64, 64)]
    net = network()
    with watching(net) as calls:
        seen = residuals(**identity(sdxl, face(mask=left), picture, net=net, positive=halves))
    parts = picture.movedim(-1, 1).chunk(2, dim=-1)
    cut = [(kwargs, control) for kwargs, control in calls if kwargs["x"].shape[-1] == 8]
    given = [hint for kwargs, _ in cut for hint in kwargs["hint"]]
    assert any(torch.equal(hint, parts[0][0]) for hint in given)
    assert any(torch.equal(hint, parts[1][0]) for hint in given)
    assert all(any(torch.equal(hint, part[0]) for part in parts) for hint in given)
    # The same call's residuals: rows in the left half as they are, rows in the right half 0.
    (result,) = [control for _, control in seen if control is not None and flat(control)[1].shape[-1] == 8]
    ((kwargs, raw),) = cut
    for row, hint in enumerate(kwargs["hint"]):
        inside = torch.equal(hint, parts[0][0])
        for masked, full in zip(flat(result), flat(raw), strict=True):
            assert torch.equal(masked[row], full[row] if inside else torch.zeros_like(full[row]))


def test_an_area_outside_of_the_mask_costs_nothing(sdxl, residuals):
    left = torch.zeros(1, 128, 128)
    left[..., :64] = 1
    right = {"positive": area(sdxl.positive, 64, 64), "negative": area(sdxl.negative, 64, 64)}
    net = network()
    with watching(net) as calls:
        residuals(**identity(sdxl, face(mask=left), net=net, **right))
    assert not calls


def test_a_batch_gets_tokens_hints_and_masks_by_picture_the_last_for_all_that_follow(sdxl):
    context = FaceContext(tokens(1, sets=2), tokens(2), torch.rand(2, 64, 64))
    picture = hints(count=2)
    options = {"cond_or_uncond": [1, 0]}
    batch = call(shown(context, picture), sdxl, options, rows=6)
    for row in range(3):
        one = min(row, 1)
        alone = FaceContext(context.positive[one : one + 1], context.negative, context.mask[one : one + 1])
        single = call(shown(alone, picture[one : one + 1]), sdxl, options, rows=2)
        for place in (0, 1):
            wanted = half(single, place)
            found = {side: [x.chunk(2)[place][row : row + 1] for x in parts] for side, parts in batch.items()}
            assert distance(found, wanted) < 1e-5
    first, last = ({side: [x[row : row + 1] for x in p] for side, p in batch.items()} for row in (3, 5))
    assert distance(first, last) > EFFECT


def test_a_window_of_frames_gets_the_tokens_and_hints_of_its_frames(sdxl):
    context = FaceContext(tokens(1, sets=4), tokens(2))
    picture = hints(count=4)
    window = SimpleNamespace(index_list=[2, 3])
    found = call(shown(context, picture), sdxl, {"cond_or_uncond": [0], "context_window": window}, rows=2)
    alone = shown(FaceContext(context.positive[2:], context.negative), picture[2:])
    assert same(found, call(alone, sdxl, {"cond_or_uncond": [0]}, rows=2))


def test_a_hint_of_another_size_is_resized_as_the_host_does(sdxl, only):
    picture, context = hints(size=200), face()
    conds = {
        "positive": with_controlnet_key(sdxl.positive, context.positive),
        "negative": with_controlnet_key(sdxl.negative, context.negative),
    }
    size = {"height": 16, "width": 24}
    host = only(**plain(sdxl, network(), picture, **conds), **size)
    assert same(only(**identity(sdxl, context, picture), **size), host)


def test_an_adapter_and_an_identitynet_act_together(sdxl, apply, ksample, only):
    conds = identity(sdxl, face())
    steered = apply(sdxl.model, "sdxl")
    both = ksample(sdxl, steered, steps=1, **conds)
    for less in (ksample(sdxl, steered, steps=1), ksample(sdxl, carried(sdxl.model), steps=1, **conds)):
        assert (both - less).abs().mean() > EFFECT
    assert same(only(model=steered, **conds), only(**conds))


def test_a_model_that_only_carries_the_run_is_untouched(sdxl, ksample):
    assert torch.equal(ksample(sdxl, carried(sdxl.model)), ksample(sdxl))


def test_copies_share_the_weights_and_what_they_were_told(sdxl):
    loaded = network()
    net = identitynet_from(loaded, face())
    first = net.showing(Hint(hints(), 0.6, Range(0.1, 0.9)))
    copy = first.copy()
    assert type(copy) is IdentityNet
    for each in (net, first, copy):
        assert each.control_model is loaded.control_model
        assert each.get_models() == [loaded.control_model_wrapped]
        assert each.face is net.face
        assert each.extra_conds == ["y"]
    assert (copy.strength, copy.timestep_percent_range) == (0.6, (0.1, 0.9))
    assert copy.cond_hint_original is first.cond_hint_original
    assert loaded.cond_hint_original is net.cond_hint_original is None
    options = {"cond_or_uncond": [0]}
    assert same(call(copy, sdxl, options), call(first, sdxl, options))


def test_a_clone_for_another_device_has_its_own_weights_and_the_same_residuals(sdxl):
    net = shown(face(), strength=0.7)
    depth = network(9)
    net.set_previous_controlnet(depth.copy())
    device = torch.device("cpu")
    clone = net.deepclone_multigpu(device, autoregister=True)
    assert type(clone) is IdentityNet
    assert net.get_instance_for_device(device) is clone
    assert clone.control_model is not net.control_model
    assert clone.control_model_wrapped.model is clone.control_model
    models = net.get_models()
    assert set(models) == {clone.control_model_wrapped, depth.control_model_wrapped, net.control_model_wrapped}
    assert clone.get_models_only_self() == [clone.control_model_wrapped]
    options = {"cond_or_uncond": [1, 0]}
    net.set_previous_controlnet(None)
    if not is_card():  # what a card makes of it is not what the CPU makes of it, bit for bit
        assert same(call(clone, sdxl, options, rows=2), call(net, sdxl, options, rows=2))


def test_the_memory_a_net_before_it_needs_is_passed_on():
    class Hungry(comfy.controlnet.ControlBase):
        def inference_memory_requirements(self, dtype):
            return 123

    net = shown(face())
    assert net.inference_memory_requirements(torch.float16) == 0
    net.set_previous_controlnet(Hungry())
    assert net.inference_memory_requirements(torch.float16) == 123


def test_hints_and_tokens_are_prepared_once_for_a_run(sdxl, ksample, monkeypatch):
    from pack.attention.identitynet import net as module

    made = []
    monkeypatch.setattr(module, "hint_rows", lambda *args, real=module.hint_rows: made.append(1) or real(*args))
    conds = identity(sdxl, face(mask=torch.rand(1, 64, 64)))
    for runs in (1, 2):
        ksample(sdxl, carried(sdxl.model), steps=3, **conds)
        assert len(made) == runs


class Stop(RuntimeError):
    pass


@pytest.mark.parametrize("error", [None, Stop("a fault"), "interrupt"], ids=str)
def test_nothing_of_a_run_stays_on_the_net(sdxl, ksample, error, monkeypatch):
    from pack.attention.identitynet import net as module

    if error == "interrupt":
        error = comfy.model_management.InterruptProcessingException()
    made = []

    def remembered(real):
        def make(*args):
            tensor = real(*args)
            made.append(weakref.ref(tensor))
            return tensor

        return make

    for name in ("hint_rows", "residual_factors"):
        monkeypatch.setattr(module, name, remembered(getattr(module, name)))
    conds = identity(sdxl, face(mask=torch.rand(1, 64, 64)))
    model, steps = carried(sdxl.model), []

    def failing(executor, *args, **kwargs):
        steps.append(1)
        if error is not None and len(steps) == 2:
            raise error
        return executor(*args, **kwargs)

    model.add_wrapper(WrappersMP.DIFFUSION_MODEL, failing)
    if error is None:
        ksample(sdxl, model, steps=3, **conds)
    else:
        with pytest.raises(type(error)):
            ksample(sdxl, model, steps=3, **conds)
        error.__traceback__ = None
    gc.collect()
    net = conds["positive"][0][1]["control"]
    assert made
    assert all(ref() is None for ref in made)
    assert net.cond_hint is None
    assert not net._kept
    assert net.previous_controlnet is None


def test_an_error_within_the_net_leaves_its_chain_in_place(sdxl):
    depth = network(9).copy().set_cond_hint(hints().movedim(-1, 1))
    net = shown(face(), strength=0.5)
    net.set_previous_controlnet(depth)
    options = {"cond_or_uncond": [0]}
    before = copied(call(net, sdxl, options))

    def failing(*_args):
        raise Stop

    handle = net.control_model.register_forward_pre_hook(failing)
    try:
        with pytest.raises(Stop):
            call(net, sdxl, options)
    finally:
        handle.remove()
    assert net.previous_controlnet is depth
    assert net.cond_hint is None
    assert same(copied(call(net, sdxl, options)), before)


def union():
    net = network().copy()
    net.control_model = torch.nn.Module()
    net.control_model.__class__ = type("Network", (comfy.cldm.cldm.ControlNet,), {})
    net.control_model.control_add_embedding = torch.nn.Identity()
    return net


def infusenet():
    """A net with InfuseNet's number of blocks, by the host's own class for FLUX."""
    import comfy.ldm.flux.controlnet
    from miniature.flux_kinds import FLUX

    config = {**FLUX, "depth": 4, "depth_single_blocks": 10, "guidance_embed": True}
    net = network().copy()
    net.control_model = comfy.ldm.flux.controlnet.ControlNetFlux(
        latent_input=True, dtype=torch.float32, device="meta", operations=comfy.ops.disable_weight_init, **config
    )
    return net


REFUSED = {
    "a net for SD1.5": (lambda: network(family="sd15"), WIDTH, r"7 cross-attentions \(an SD1.5 net\).*SDXL has 34"),
    "tokens of another width": (network, 64, "width 128.*64 wide"),
    "a control LoRA": (lambda: comfy.controlnet.ControlLora({}), WIDTH, "a ControlLora, which is not an IdentityNet"),
    "InfuseNet": (
        infusenet,
        WIDTH,
        r"a ControlNetFlux \(.*InfiniteYou's InfuseNet.*for InfiniteYou's adapter and FLUX.1",
    ),
    "a T2I adapter": (lambda: comfy.controlnet.T2IAdapter(None, 3, 8, "nearest"), WIDTH, "a T2IAdapter, which is no"),
    "a union net": (union, WIDTH, "union ControlNet"),
}


@pytest.mark.parametrize(("net", "width", "message"), REFUSED.values(), ids=REFUSED)
def test_a_net_that_is_no_identitynet_is_refused_with_what_was_found(net, width, message):
    with pytest.raises(ValueError, match=message):
        identitynet_from(net(), FaceContext(tokens(1, width=width), tokens(2, width=width)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FaceContext(tokens(1), tokens(1, width=64)), r"\(1, 16, 128\) and \(1, 16, 64\)"),
        (lambda: FaceContext(tokens(1)[0], tokens(1)), "must be"),
        (lambda: face(mask=torch.ones(8, 8)), r"mask has the shape \(8, 8\)"),
        (lambda: Hint(torch.zeros(1, 64, 64, 1)), r"\(1, 64, 64, 1\)"),
        (lambda: Hint(hints(), 1.0, Range(0.6, 0.5)), "start_percent 0.6"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_found(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_net_that_was_shown_nothing_says_so(sdxl):
    with pytest.raises(ValueError, match="no keypoint picture"):
        call(identitynet_from(network(), face()), sdxl, {"cond_or_uncond": [0]})


def test_an_alpha_channel_of_the_hint_is_left_out(sdxl):
    picture = hints()
    with_alpha = torch.cat([picture, torch.rand(1, 128, 128, 1)], dim=-1)
    options = {"cond_or_uncond": [0]}
    assert same(call(shown(face(), with_alpha), sdxl, options), call(shown(face(), picture), sdxl, options))
