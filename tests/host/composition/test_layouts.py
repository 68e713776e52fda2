"""What a call of the model holds, drawn at random: tiles, couples, windows, areas, parts, one half of guidance, pictures,
masks.

Rows of every call are compared with the same row alone, steered by its own picture's reference and its own part of
the mask. `LIKENESS_DRAWS` sets how many calls are drawn, `LIKENESS_SEED` from where.
"""

import os
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from comfy.patcher_extension import WrappersMP
from pack.attention.sampling.attach import ATTACHMENTS

import nodes

DRAWS = int(os.environ.get("LIKENESS_DRAWS", "100"))
FIRST = int(os.environ.get("LIKENESS_SEED", "0"))
BATCHES = 10
ROWS = 2
"""Rows of each drawn call that are compared, chosen at random."""
HEIGHT, WIDTH = 16, 32
WITHIN = 1e-4


class Drawn:
    """One layout of a call, from a seed."""

    def __init__(self, seed):
        draw = random.Random(seed)
        self.seed = seed
        self.pictures = draw.choice((1, 1, 1, 2, 2, 3, 4, 5))
        self.per_picture = draw.random() < 0.5
        self.masks = draw.choice([0, 0, 1, self.pictures])
        self.adapters = draw.choice([1, 1, 2])
        self.rows, self.columns = draw.choice([(1, 1), (1, 2), (2, 1), (2, 2), (1, 4)])
        self.together = draw.randint(1, self.rows * self.columns)
        self.side_by_side = draw.random() < 0.3
        self.one_by_one = draw.random() < 0.25
        self.cfg = draw.choice([1.0, 4.0, 4.0])
        self.split = draw.random() < 0.3
        self.halves = draw.random() < 0.25
        self.window = draw.choice([0, 0, 2, 3]) if self.pictures > 3 else 0
        self.regions = draw.choice([1, 1, 1, 2, 3])
        if self.regions > 1:  # packs that couple prompts take a call for all rows of the host's conditionings, once
            self.together, self.one_by_one = 1, False

    def __repr__(self):
        return str(vars(self))


def tiles_of(drawn, height, width):
    high, wide = height // drawn.rows, width // drawn.columns
    return [
        (slice(r * high, (r + 1) * high), slice(c * wide, (c + 1) * wide))
        for r in range(drawn.rows)
        for c in range(drawn.columns)
    ]


def repeated(value, rows, times, side_by_side):
    """What belongs to the rows of a call, for a call that holds them several times."""
    if not isinstance(value, torch.Tensor) or len(value) != rows:
        return value
    return value.repeat_interleave(times, 0) if side_by_side else torch.cat([value] * times)


def noted(wholes):
    """Around a step, or a window of it: keeps the latent that its calls are cut from."""

    def wrapper(executor, model, conds, x_in, *rest):
        wholes.append(x_in)
        return executor(model, conds, x_in, *rest)

    return wrapper


def tiled(drawn, calls, wholes):
    """Runs each call of the model in tiles, several of them in one call, and notes what went in and came out."""

    def wrapper(function, given):
        x, t, c = given["input"], given["timestep"], given["c"]
        out, places = torch.empty_like(x), tiles_of(drawn, *x.shape[-2:])
        for first in range(0, len(places), drawn.together):
            group = places[first : first + drawn.together]
            # Side by side the places of single rows are not known: only without masks.
            beside = drawn.side_by_side and not drawn.masks
            parts = torch.stack([x[..., high, wide] for high, wide in group])
            stacked = (parts.transpose(0, 1) if beside else parts).flatten(0, 1)
            more = {key: repeated(value, len(x), len(group), beside) for key, value in c.items()}
            made = function(stacked, repeated(t, len(x), len(group), beside), **more)
            made = made.unflatten(0, (len(x), -1)).transpose(0, 1) if beside else made.unflatten(0, (len(group), -1))
            for (high, wide), part in zip(group, made, strict=True):
                out[..., high, wide] = part
                one = {"x": x[..., high, wide], "t": t, "c": c, "sides": given["cond_or_uncond"]}
                calls.append(SimpleNamespace(**one, place=(high, wide), made=part, whole=wholes[-1]))
        return out

    return wrapper


def coupled(model, regions):
    """A model as packs make it that couple prompts to regions: a text of its own for each, their attention averaged."""

    def chunks_of(x, options):
        return zip(x.chunk(len(options["cond_or_uncond"])), options["cond_or_uncond"], strict=True)

    def expand(n, context, value, options):
        def repeated(x, step):
            parts = chunks_of(x, options)
            return torch.cat([p if i else torch.cat([p * (1 + step * r) for r in range(regions)]) for p, i in parts])

        return repeated(n, 0.0), repeated(context, 0.1), repeated(value, 0.1)

    def join(n, options):
        copies = [1 if index else regions for index in options["cond_or_uncond"]]
        frames = len(n) // sum(copies)
        parts = zip(n.split([frames * count for count in copies]), copies, strict=True)
        return torch.cat([part.unflatten(0, (count, frames)).mean(0) for part, count in parts])

    changed = model.clone()
    changed.set_model_attn2_patch(expand)
    changed.set_model_attn2_output_patch(join)
    return changed


def in_windows(model, length):
    """Frames in the host's context windows."""
    from comfy_extras.nodes_context_windows import ContextWindowsManualNode

    node = ContextWindowsManualNode.execute
    return node(model, length, 1, "standard_static", 1, False, "pyramid", 0, False, causal_window_fix=False).args[0]


def one_by_one(executor, x, t, context, y, control, options, **kwargs):
    """A network that runs every row of a call by itself."""
    return torch.cat(
        [executor(x[i : i + 1], t[i : i + 1], context[i : i + 1], y, control, options, **kwargs) for i in range(len(x))]
    )


class Compared:
    """Runs drawn calls, and their rows again one by one."""

    def __init__(self, base, apply, ksample, picture, prompt):
        self.base, self.apply, self.ksample, self.picture = base, apply, ksample, picture
        self.halves = [prompt(text) for text in ("a dog", "a bird")]

    def steered(self, drawn, index=None):
        """The model with the drawn references: of all pictures, or of one alone."""
        model, masks = self.base.model, None
        if drawn.masks:
            masks = torch.rand(drawn.masks, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(drawn.seed)).round()
            masks = masks if index is None else masks[min(index, drawn.masks - 1)][None]
        for number, variant in enumerate(("base", "plus")[: drawn.adapters]):
            inputs = {"image": self.picture(number + 1, count=drawn.pictures if drawn.per_picture else 1)}
            if drawn.per_picture and index is None:
                inputs["combine"] = "one per frame"
            elif drawn.per_picture:
                inputs["image"] = inputs["image"][index : index + 1]
            model = self.apply(model, "sd15", variant, weight=0.8, attn_mask=masks, **inputs)
        return coupled(model, drawn.regions) if drawn.regions > 1 else model

    def prompts(self, drawn):
        """The positive prompt, or one for each half of the canvas."""
        if not drawn.halves:
            return {}
        side = 8 * HEIGHT, 8 * WIDTH // 2
        areas = [
            nodes.ConditioningSetArea().append(one, side[1], side[0], i * side[1], 0, 1.0)[0]
            for i, one in enumerate(self.halves)
        ]
        return {"positive": nodes.ConditioningCombine().combine(*areas)[0]}

    def moved(self, call, row, frame):
        """How far from the left the part of the canvas begins that a row's conditioning is about: negative prompts are
        brought to the places of positive ones, and only the latent tells which."""
        high, wide = call.place
        left, right = (call.whole[frame].roll(-shift, -1)[..., high, wide] for shift in (0, WIDTH // 2))
        return 0 if torch.equal(call.x[row], left) else WIDTH // 2 if torch.equal(call.x[row], right) else None

    def calls(self, drawn):
        """Everything that the drawn layout calls the model with, and gets."""
        calls, wholes, model = [], [], self.steered(drawn)
        model.set_model_unet_function_wrapper(tiled(drawn, calls, wholes))
        model.add_wrapper(WrappersMP.CALC_COND_BATCH, noted(wholes))
        if drawn.one_by_one:
            model.add_wrapper(WrappersMP.DIFFUSION_MODEL, one_by_one)
        model = in_windows(model, drawn.window) if drawn.window else model
        size = {"height": HEIGHT, "width": WIDTH}
        self.ksample(self.base, model, steps=1, batch=drawn.pictures, cfg=drawn.cfg, **size, **self.prompts(drawn))
        return calls

    def alone(self, drawn, call, row):
        """What one row of a call must be: by itself, with its picture's reference and its part of the mask."""
        window = call.c["transformer_options"].get("context_window")
        frames = window.index_list if window else range(drawn.pictures)
        frame = row % len(frames)
        index, (high, wide), left = frames[frame], call.place, self.moved(call, row, frame)
        wide = slice(wide.start + left, wide.stop + left)
        attached = self.steered(drawn, index).model_options["transformer_options"]
        own = tuple(
            one if one.attn_mask is None else replace(one, attn_mask=one.attn_mask[:, high, wide])
            for one in attached[ATTACHMENTS]
        )
        return self.run(call, row, {**attached, ATTACHMENTS: own})

    def run(self, call, row, options):
        side = call.sides[row * len(call.sides) // len(call.x)]
        options = {**options, "cond_or_uncond": [side], "sigmas": call.t[:1]}
        c = {key: value[row : row + 1] if is_of_rows(value, call.x) else value for key, value in call.c.items()}
        part = slice(row, row + 1)
        return self.base.model.model.apply_model(call.x[part], call.t[part], **{**c, "transformer_options": options})[0]


def is_of_rows(value, x):
    return isinstance(value, torch.Tensor) and len(value) == len(x)


@pytest.fixture
def compared(sd15, apply, ksample, picture, prompt):
    return Compared(sd15, apply, ksample, picture, prompt)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_row_of_a_drawn_call_is_steered_as_it_would_be_alone(compared, batch, monkeypatch):
    moved = 0
    for seed in range(FIRST + batch, FIRST + DRAWS, BATCHES):
        drawn = Drawn(seed)
        with monkeypatch.context() as patched:
            if drawn.split:
                patched.setattr(type(compared.base.model), "get_free_memory", lambda self, device: 0)
            calls = compared.calls(drawn)
        rows = [(call, row) for call in calls for row in range(len(call.x))]
        for call, row in random.Random(seed).sample(rows, min(ROWS, len(rows))):
            wanted = compared.alone(drawn, call, row)
            worst = (wanted - call.made[row]).abs().max().item()
            assert worst <= WITHIN * max(1.0, wanted.abs().max().item()), f"row {row} is {worst} off in {drawn}"
        moved = max(moved, (compared.run(call, row, {}) - wanted).abs().max().item())
    assert moved > 0.1, "the references changed nothing"
