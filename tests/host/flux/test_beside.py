"""Both kinds of adapter on a FLUX model that has more on it: LoRA, packed weights, windows of frames, skipped layers."""

from functools import cache
from types import SimpleNamespace

import pytest
import torch
from comfy.model_patcher import ModelPatcher
from torch import nn

EFFECT = 1e-2
KINDS = {"base": "short dev", "instantx": "flux dev"}


@cache
def model_of(kind):
    from miniature import flux

    return flux.model(kind, 1)


@pytest.fixture(params=KINDS)
def beside(request, flux, apply, ksample):
    """A model with what steers it and samples from it, one step."""
    base = SimpleNamespace(**{**vars(flux), "family": KINDS[request.param], "model": model_of(KINDS[request.param])})

    def steer(model=None, **inputs):
        return apply(model or base.model, "flux", request.param, **inputs)

    def sample(model=None, **settings):
        return ksample(base, model or base.model, **{"steps": 1, "cfg": 1.0, **settings})

    return SimpleNamespace(model=base.model, kind=base.family, steer=steer, sample=sample)


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_a_lora_on_the_same_blocks(cfg, beside, differs):
    def with_lora(model):
        changed = model.clone()
        weights = model.model_state_dict()
        for name in ("double_blocks.3.img_attn.qkv.weight", "single_blocks.1.linear1.weight", "txt_in.weight"):
            key = f"diffusion_model.{name}"
            generator = torch.Generator().manual_seed(len(name))
            change = 0.05 * torch.randn(weights[key].shape, generator=generator)
            assert changed.add_patches({key: ("diff", (change,))}, 0.8)
        return changed

    one, other = with_lora(beside.steer()), beside.steer(with_lora(beside.model))
    made = beside.sample(one, cfg=cfg)
    assert torch.equal(made, beside.sample(other, cfg=cfg))
    plain = beside.sample(with_lora(beside.model), cfg=cfg)
    assert differs(made, plain) > EFFECT and differs(made, beside.sample(beside.steer(), cfg=cfg)) > 1e-3
    assert torch.equal(beside.sample(beside.steer(with_lora(beside.model), weight=0.0), cfg=cfg), plain)


class Packed(nn.Module):
    """Stands in for a layer of a GGUF file: its weight is packed whole numbers with scales, unpacked when it runs."""

    def __init__(self, layer):
        super().__init__()
        self.in_features, self.out_features, self.bias = layer.in_features, layer.out_features, layer.bias
        scales = layer.weight.abs().amax(1, keepdim=True) / 127
        # A subclass of the parameter that is no matrix any more, as that pack's has another shape in memory.
        self.weight = nn.Parameter((layer.weight / scales).round().to(torch.int8).flatten(), requires_grad=False)
        self.register_buffer("scales", scales)

    def unpacked(self):
        return self.weight.view(self.out_features, -1) * self.scales

    def forward(self, x):
        return nn.functional.linear(x, self.unpacked().to(x), None if self.bias is None else self.bias.to(x))


class PackedPatcher(ModelPatcher):
    """A patcher of a class of its own, as that pack has."""


def packed(kind, unpack):
    """A model whose blocks have packed weights, or the very numbers that those unpack to."""
    from miniature import flux

    made = flux.model(kind, 1, disable_dynamic=True)
    network = made.model.diffusion_model
    for blocks in (network.double_blocks, network.single_blocks):
        for name, layer in [(n, m) for n, m in blocks.named_modules() if isinstance(m, nn.Linear)]:
            small = Packed(layer)
            parent, _, leaf = name.rpartition(".")
            if unpack:
                layer.weight.data.copy_(small.unpacked())
            else:
                setattr(blocks.get_submodule(parent), leaf, small)
    return PackedPatcher(made.model, made.load_device, made.offload_device)


def test_weights_that_are_unpacked_when_they_run(beside, differs):
    small, exact = packed(beside.kind, unpack=False), packed(beside.kind, unpack=True)
    plain, made = beside.sample(small), beside.sample(beside.steer(small))
    assert differs(made, plain) > EFFECT
    torch.testing.assert_close(made, beside.sample(beside.steer(exact)), atol=1e-5, rtol=0)
    assert torch.equal(beside.sample(beside.steer(small, weight=0.0)), plain)


def test_references_and_masks_follow_the_window(beside, picture, differs):
    from comfy_extras.nodes_context_windows import ContextWindowsManualNode

    mask = torch.ones(4, 16, 16)
    mask[3] = 0
    inputs = dict(image=picture(1, count=4), combine="one per frame", attn_mask=mask)

    def windowed(model):
        node = ContextWindowsManualNode.execute
        return node(model, 2, 1, "standard_static", 1, False, "pyramid", 0, False, causal_window_fix=True).args[0]

    plain, whole = (beside.sample(each, batch=4, cfg=4.0) for each in (beside.model, beside.steer(**inputs)))
    made = beside.sample(windowed(beside.steer(**inputs)), batch=4, cfg=4.0)
    torch.testing.assert_close(made, whole, atol=1e-3, rtol=1e-3)
    assert differs(made[2], plain[2]) > EFFECT
    torch.testing.assert_close(made[3], plain[3], atol=1e-3, rtol=1e-3)


def test_skip_layer_guidance(beside, differs):
    from comfy_extras.nodes_slg import SkipLayerGuidanceDiT

    def guided(model):
        return SkipLayerGuidanceDiT.execute(model, 2.0, 0.0, 1.0, "2, 3", "0, 1").args[0]

    one, other = guided(beside.steer()), beside.steer(guided(beside.model))
    made = beside.sample(one, cfg=3.0)
    assert torch.equal(made, beside.sample(other, cfg=3.0))
    assert differs(made, beside.sample(guided(beside.model), cfg=3.0)) > EFFECT
    assert differs(made, beside.sample(beside.steer(), cfg=3.0)) > 1e-3


def test_residuals_of_a_controlnet_in_both_kinds_of_block(beside, differs):
    from comfy.patcher_extension import WrappersMP

    generator = torch.Generator().manual_seed(3)
    into = [0.3 * torch.randn(1, 64, 64, generator=generator) for _ in range(2)]

    def controlled(model):
        changed = model.clone()

        def give(executor, x, t, context, y, guidance, refs, control, *args, **kwargs):
            first, second = (each.to(x) for each in into)
            given = {"input": [first] * 19, "output": [second] * 2}
            return executor(x, t, context, y, guidance, refs, given, *args, **kwargs)

        changed.add_wrapper(WrappersMP.DIFFUSION_MODEL, give)
        return changed

    plain = beside.sample(controlled(beside.model))
    assert torch.equal(beside.sample(controlled(beside.steer(weight=0.0))), plain)
    both = beside.sample(controlled(beside.steer()))
    assert differs(both, plain) > EFFECT and differs(both, beside.sample(beside.steer())) > EFFECT
