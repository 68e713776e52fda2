"""Weights of references against the host with a table of queries by keys, and against the host without references."""

import edits
import pytest
import torch
from einops import repeat

KINDS = ("short kontext", "short flux2", "short qwen image")
METHODS = ("offset", "index", "uxo", "index_timestep_zero")
EFFECT = 1e-2


def with_table(model, tokens, weight_of):
    """A clone of a model, in which ln(weight_of(row, reference)) is added to the logits by a mask of queries by keys.

    `tokens` is (text, canvas, counts of the references); `weight_of` gives (text + canvas,) for each reference.
    """
    import comfy.ldm.modules.attention as host

    text, canvas, counts = tokens
    own, total = text + canvas, text + canvas + sum(counts)

    def override(attention, q, k, v, heads, *args, **kwargs):
        assert q.shape[2] == k.shape[2] == total
        table = torch.zeros(len(q), 1, total, total)
        first = own
        for number, count in enumerate(counts):
            for row in range(len(q)):
                table[row, 0, :own, first : first + count] = weight_of(row, number).log()[:, None]
            first += count
        return host.attention_pytorch(q, k, v, heads, mask=table.to(q.device), skip_reshape=True)

    changed = model.clone()
    changed.model_options["transformer_options"]["optimized_attention_override"] = override
    return changed


def tokens_of(base, size=(12, 10)):
    patch = 1 if base.kind == "short flux2" else 2
    cells = [(8, 6), (6, 10)]
    text = 512 if base.kind == "short flux2" else edits.TEXT
    return text, size[0] * size[1] // patch**2, [h * w // patch**2 for h, w in cells]


def regions(base, size=(12, 10)):
    """Two masks, soft and hard, in pixels, and what they are for text and canvas."""
    patch = 1 if base.kind == "short flux2" else 2
    cell = 8 * patch
    grid = size[0] // patch, size[1] // patch
    soft = torch.rand(1, *grid, generator=torch.Generator().manual_seed(0))
    hard = torch.zeros(1, *grid)
    hard[..., : grid[1] // 2] = 1
    masks = [repeat(m, "b h w -> b (h y) (w x)", y=cell, x=cell) for m in (soft, hard)]
    text, *_ = tokens_of(base)
    each = [torch.cat([m.mean().expand(text), m.flatten()]) for m in (soft, hard)]
    return masks, each


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_regions_are_the_softmax_with_a_table(kind):
    base = edits.edit_model(kind)
    own = sum(tokens_of(base)[:2])
    plain = edits.edit(base, steps=1, cfg=1.0)
    numbers = edits.edit(base, edits.weigh(base.model, 0.3, 2.0), steps=1, cfg=1.0)
    table = with_table(base.model, tokens_of(base), lambda row, i: torch.full((own,), (0.3, 2.0)[i]))
    torch.testing.assert_close(numbers, edits.edit(base, table, steps=1, cfg=1.0), atol=1e-5, rtol=0)
    masks, each = regions(base)
    weighed = edits.weigh(base.model, {"scale": 1.5, "attn_mask": masks[0]}, {"scale": 0.8, "attn_mask": masks[1]})
    masked = edits.edit(base, weighed, steps=1, cfg=1.0)
    table = with_table(base.model, tokens_of(base), lambda row, i: (1.5, 0.8)[i] * each[i])
    torch.testing.assert_close(masked, edits.edit(base, table, steps=1, cfg=1.0), atol=1e-5, rtol=0)
    for made, other in ((numbers, plain), (masked, plain), (numbers, masked)):
        assert (made - other).abs().mean() > EFFECT


@pytest.mark.parametrize("kind", KINDS)
def test_all_cut_is_the_model_without_references_and_one_is_a_mask_of_minus_infinity(kind):
    base = edits.edit_model(kind)
    own = sum(tokens_of(base)[:2])
    without = edits.edit(base, base.model, **base.shown())
    assert torch.equal(edits.edit(base, edits.weigh(base.model, 0.0, 0.0)), without)
    assert (without - edits.edit(base)).abs().mean() > EFFECT
    one = edits.edit(base, edits.weigh(base.model, 0.0), steps=1, cfg=1.0)
    table = with_table(base.model, tokens_of(base), lambda row, i: torch.full((own,), float(i)))
    torch.testing.assert_close(one, edits.edit(base, table, steps=1, cfg=1.0), atol=1e-5, rtol=0)
    assert (one - edits.edit(base, steps=1, cfg=1.0)).abs().mean() > EFFECT
