"""The fused kernel against plain attention in float64, and in the dispatcher against the host's attention.

test_fused.py runs this file in a process of its own, where Triton runs on the CPU.
"""

import pytest
import torch
from pack.attention.branch.attachment import Attachment
from pack.attention.branch.fusion import Fusion
from pack.attention.sampling import fused_launch
from pack.attention.sampling.fused import SWITCH, FusedLayer, Segment, kernel_for

ROWS, HEADS, QUERIES, TEXT = 2, 2, 37, 11
TOKENS = (5, 16, 1, 33, 4, 7, 9, 3)
KEYS = (1.0, 0.7, 1.0, 1.3, 1.0, 1.0, 1.0, 1.0)
FACTORS = (0.8, -0.5, 1.0, 0.3, 1.2, 0.1, 2.0, 0.6)
MASKED = (1, 3, 4, 6)
WITHIN = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}  # of the result's size; 10 bits, 7 bits
CASES = ((40, 1), (40, 8), (64, 2), (80, 3), (80, 5), (128, 4), (160, 6), (160, 7))  # head width, segments
BLOCK = ("input", 4, 0)


def exact(q, k, v, keys=1.0, heads=HEADS):
    q, k, v = (x.double().unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    share = torch.softmax(keys * (q @ k.transpose(-1, -2)) / q.shape[-1] ** 0.5, -1)
    return (share @ v).transpose(1, 2).flatten(2)


@pytest.mark.parametrize(
    ("dtype", "width", "segments"),
    # The interpreter computes all types alike: the others show that the bounds of their digits hold.
    [(torch.float32, *case) for case in CASES] + [(dtype, 40, 8) for dtype in (torch.float16, torch.bfloat16)],
)
def test_it_is_one_softmax_for_the_text_and_for_each_segment(dtype, width, segments):
    generator = torch.Generator().manual_seed(width)

    def random(*shape):
        return torch.randn(*shape, generator=generator).to(dtype)

    q, k, v = (random(ROWS, n, HEADS * width) for n in (QUERIES, TEXT, TEXT))
    groups = ROWS if segments == 8 else 1
    parts = [[random(groups, n, HEADS * width) for n in TOKENS[:segments]] for _ in range(2)]
    masks = {s: torch.rand(ROWS if s % 2 else 1, QUERIES, 1, generator=generator).to(dtype) for s in MASKED}
    wanted = exact(q, k, v)
    for s, pair in enumerate(zip(*parts, strict=True)):
        key, value = (x.repeat_interleave(ROWS // groups, 0) for x in pair)
        wanted = wanted + FACTORS[s] * masks.get(s, torch.ones(1)).double() * exact(q, key, value, KEYS[s])
    made = [Segment(parts[0][s], parts[1][s], KEYS[s], FACTORS[s], masks.get(s)) for s in range(segments)]
    found = FusedLayer(kernel_for(q, HEADS), HEADS, tuple(made))(q, k, v)
    assert found.dtype == dtype
    assert (found.double() - wanted).abs().max() <= WITHIN[dtype] * wanted.abs().max()


CONFIGS = {
    "few": fused_launch.FEW,
    "some": fused_launch.SOME,
    "many": fused_launch.MANY,
    "short pieces": fused_launch.Config(queries=32, tiles=3, main=32),
}


@pytest.mark.parametrize(
    ("name", "text", "tokens"),
    [*((name, 77, (16,)) for name in CONFIGS), ("few", 154, (4, 257)), ("some", 154, (4, 257)), ("few", 64, (63,))],
)
def test_no_choice_of_tiles_changes_the_answer(name, text, tokens):
    generator = torch.Generator().manual_seed(text)
    q, k, v = (torch.randn(2, n, 40, generator=generator) for n in (150, text, text))
    mask = torch.rand(2, 150, 1, generator=generator)
    keys = (-0.7, 0.0)  # a negative factor, and one that makes all shares equal
    parts = [
        Segment(*(torch.randn(1, n, 40, generator=generator) for _ in range(2)), keys[i], 0.6, mask)
        for i, n in enumerate(tokens)
    ]
    out = torch.empty_like(q)
    fused_launch.prepared(q, text, parts, 1, CONFIGS[name])(q, k, v, out)
    wanted = exact(q, k, v, heads=1)
    for part in parts:
        key, value = (x.expand(2, -1, -1) for x in (part.key, part.value))
        wanted = wanted + part.factor * mask.double() * exact(q, key, value, part.keys, heads=1)
    assert (out.double() - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_what_is_chosen_fits_the_layer():
    def chosen(rows, queries, heads, width, counts):
        return fused_launch.config_for(
            torch.empty(rows, queries, heads * width, dtype=torch.float16, device="meta"), counts, heads
        )

    assert chosen(1, 256, 1, 64, (77, 16)) == fused_launch.FEW
    assert chosen(2, 512, 1, 64, (77, 16)) == fused_launch.SOME
    assert chosen(2, 4096, 8, 64, (77, 16)) == fused_launch.MANY
    assert chosen(2, 4096, 8, 64, (77, 257)) == fused_launch.FEW  # fetched as they come
    assert chosen(2, 4096, 8, 160, (77, 16, 16)) == fused_launch.FEW  # what stays would leave no room


@pytest.fixture
def launches(monkeypatch):
    """How often the kernel gave an answer."""
    seen, launch = [], FusedLayer.__call__

    def answered(*given):
        made = launch(*given)
        seen.extend([] if made is None else [1])
        return made

    monkeypatch.setattr(FusedLayer, "__call__", answered)
    return seen


def mask(frames):
    return torch.rand(frames, 12, 10, generator=torch.Generator().manual_seed(3))


PLAIN = {
    "one": lambda source: [Attachment(source(), source(seed=9), scale=0.7)],
    "with a mask": lambda source: [Attachment(source(), source(seed=9), attn_mask=mask(1))],
    "a mask for each frame, K+V": lambda source: [
        Attachment(source(), source(seed=9), scale=0.6, attn_mask=mask(2), embeds_scaling="K+V")
    ],
    "one per frame, beside another": lambda source: [
        Attachment(source(entries=2), source(entries=2, seed=9)),
        Attachment(source(tokens=16, seed=5), source(seed=9), scale=-0.4, attn_mask=mask(1)),
    ],
}


@pytest.mark.parametrize("name", PLAIN)
def test_in_the_dispatcher_it_agrees_with_the_hosts_attention(name, layer, source, launches, monkeypatch):
    branches = PLAIN[name](source)
    fused = layer(*branches, frames=2).out
    assert launches == [1]
    monkeypatch.setenv(SWITCH, "0")
    torch.testing.assert_close(fused, layer(*branches, frames=2).out, atol=2e-6, rtol=2e-6)
    assert launches == [1]


NOT_PLAIN = {
    "another rule": dict(fusion=Fusion("norm cap")),
    "zero tokens": dict(fusion=Fusion(zero_tokens=2)),
    "a factor for each frame": dict(frame_scales=(1.0, 0.5)),
    "shifted values": dict(embeds_scaling="K+mean(V) w/ C penalty"),
}


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_what_it_does_not_do_goes_to_the_hosts_attention(name, layer, source, launches, monkeypatch):
    def out():
        plain, other = Attachment(source(), source(seed=9)), Attachment(source(seed=5), source(), **NOT_PLAIN[name])
        return layer(plain, other, frames=2).out

    switched_on = out()
    monkeypatch.setenv(SWITCH, "0")
    assert torch.equal(switched_on, out()) and launches == []


def test_nothing_of_another_packs_is_passed_by(layer, source, launches):
    assert layer(Attachment(source(), source(seed=9)), patched=True).asked == 1
    assert layer(Attachment(source(), source(seed=9)), overridden=True).asked == 1
    assert launches == []
