"""One cross-attention layer through the pack's own dispatcher, with every number in the test's hands."""

from types import SimpleNamespace

import pytest
import torch

BLOCK = ("input", 4, 0)
HEADS, WIDTH, TEXT = 4, 64, 7
GRID = (6, 5)


@pytest.fixture(scope="session")
def sampling():
    import comfy.model_sampling

    class Sampling(comfy.model_sampling.ModelSamplingDiscrete, comfy.model_sampling.EPS):
        pass

    return Sampling()


def random(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def source():
    """Keys and values of n entries of T tokens in the one layer."""
    from pack.attention.adapter.key_values import KeyValues

    def made(entries=1, tokens=4, seed=1, picture_tokens=None):
        pair = random(entries, tokens, WIDTH, seed=seed), random(entries, tokens, WIDTH, seed=seed + 1)
        return KeyValues({BLOCK: pair}, picture_tokens or tokens)

    return made


@pytest.fixture
def layer(sampling):
    """What the layer gives for attachments: its output, the text's alone by the host's attention, and the queries."""
    from comfy.ldm.modules.attention import optimized_attention
    from pack.attention.sampling.dispatch import CALL, Call, dispatch
    from pack.attention.sampling.rows import Chunk, Conditionings, Rows
    from pack.attention.sampling.run import Run

    def ran(
        *attachments,
        sides=("positive", "negative"),
        frames=1,
        sigma=1.0,
        only=None,
        patched=False,
        overridden=False,
    ):
        asked = []

        def foreign(*_):
            asked.append(1)
            return torch.zeros_like(q)

        chunks = tuple(Chunk(side) for side in sides)
        rows = Rows(chunks, tuple(range(frames)))
        q = random(rows.count, GRID[0] * GRID[1], WIDTH, seed=100)
        k, v = (random(rows.count, TEXT, WIDTH, seed=seed) for seed in (101, 102))
        if only is not None:  # one of the conditionings alone, as when they are not batched
            part = slice(only * frames, (only + 1) * frames)
            q, k, v, rows = q[part], k[part], v[part], Rows(chunks[only : only + 1], rows.frames)
        run = Run(attachments, sampling, Conditionings({}, {}))
        options = {
            CALL: Call(run, rows, run.acting(sigma), {BLOCK: foreign} if patched else {}),
            "block": BLOCK[:2],
            "block_index": BLOCK[2],
            "n_heads": HEADS,
            "attn_precision": None,
            "activations_shape": (len(q), WIDTH, *GRID),
        }
        if overridden:
            options["optimized_attention_override"] = lambda _attention, *given, **_: foreign(*given)
        out = dispatch(q, k, v, options)
        base = optimized_attention(q, k, v, HEADS)
        return SimpleNamespace(out=out, base=base, q=q, k=k, v=v, asked=len(asked))

    return ran


def attention(q, k, v, scale=1.0):
    """Plain attention, written out; `scale` multiplies the logits."""
    q, k, v = (x.unflatten(-1, (HEADS, -1)).transpose(1, 2) for x in (q, k, v))
    logits = scale * (q @ k.transpose(-1, -2)) / q.shape[-1] ** 0.5
    return (torch.softmax(logits, -1) @ v).transpose(1, 2).flatten(2)


@pytest.fixture
def plain():
    return attention
