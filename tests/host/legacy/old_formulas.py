"""ComfyUI_IPAdapter_plus's arithmetic as its users describe it, written anew on plain tensors: nothing of ours is asked.

Letters: B rows, N queries, T image tokens, C context width, D layer width, t number of a SpatialTransformer as they run.
"""

import math
from dataclasses import dataclass, field

import torch
from comfy.ldm.modules.attention import optimized_attention
from torch.nn import functional as F

# Blocks with cross-attention: (side, block, depth) in the order of an adapter's weights; t counts them as they run.
INPUTS = {"sd15": [(b, 1) for b in (1, 2, 4, 5, 7, 8)], "sdxl": [(4, 2), (5, 2), (7, 10), (8, 10)]}
OUTPUTS = {"sd15": [(b, 1) for b in range(3, 12)], "sdxl": [(b, 10) for b in (0, 1, 2)] + [(b, 2) for b in (3, 4, 5)]}
MIDDLE = {"sd15": 1, "sdxl": 10}
COUNT = {"sd15": 16, "sdxl": 11}


def sites(family):
    """(place in the adapter's weights, t, block of the host) of every cross-attention, the middle block last."""
    before, after = INPUTS[family], OUTPUTS[family]
    rows = [(t, "input", block, depth) for t, (block, depth) in enumerate(before)]
    rows += [(len(before) + 1 + i, "output", block, depth) for i, (block, depth) in enumerate(after)]
    rows.append((len(before), "middle", 0, MIDDLE[family]))
    blocks = [(t, (side, block, i)) for t, side, block, depth in rows for i in range(depth)]
    return [(n, t, key) for n, (t, key) in enumerate(blocks)]


# --- where: weight type -> {t: factor}; what is not named adds nothing ------------------------------------------------

STYLE = {"sdxl": [6], "sd15": [0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 15]}
COMPOSITION = {"sdxl": {3: 1.0}, "sd15": {4: 0.25, 5: 1.0}}


def factors(kind, family, w, boost=None):
    """{t: factor} of a weight type at weight w; `boost` is the second weight where a node has one."""
    count = COUNT[family]
    every, middle = range(count), len(INPUTS[family])
    composition = COMPOSITION[family]
    style = {t: w for t in STYLE[family]}
    eased = {
        "ease in": lambda t: 1 - t / count,
        "ease out": lambda t: t / count,
        "ease in-out": lambda t: 1 - abs(t - count / 2) / (count / 2),
        "reverse in-out": lambda t: abs(t - count / 2) / (count / 2),
    }
    if kind in eased:
        return {t: w * (0.05 + 0.95 * eased[kind](t)) for t in every}
    b = w if boost is None else boost
    loud = {"sdxl": 0.1, "sd15": 1.0}[family]
    quiet = {"sdxl": {6: 1.0}, "sd15": {6: 0.1, 7: 0.1, 8: 0.1}}[family]
    return {
        "linear": {t: w for t in every},
        "weak input": {t: 0.2 * w if t < middle else w for t in every},
        "weak middle": {t: 0.2 * w if t == middle else w for t in every},
        "weak output": {t: 0.2 * w if t > middle else w for t in every},
        "strong middle": {t: w if t == middle else 0.2 * w for t in every},
        "style transfer": style,
        "composition": {t: w * part for t, part in composition.items()},
        "strong style transfer": {t: w for t in every if t not in composition},
        # Without an input of its own the weight of the composition was 1.
        "style and composition": style
        | {t: part * (1.0 if boost is None else boost) for t, part in composition.items()},
        "strong style and composition": {t: w for t in every}
        | {t: part * (1.0 if boost is None else boost) for t, part in composition.items()},
        "style transfer precise": style | {t: b * part for t, part in composition.items()},
        "composition precise": {t: b * quiet.get(t, loud) for t in every}
        | {t: w * part for t, part in composition.items()},
    }[kind]


def swapped(kind, family):
    """The t where the picture stands on the negative side and nothing on the positive."""
    composition = set(COMPOSITION[family])
    rest = set(range(COUNT[family])) - composition
    return {"style transfer precise": composition, "composition precise": rest}.get(kind, set())


def written(text, w):
    """{t: factor} of `layer_weights`, as 't:v, ...'."""
    pairs = (part.split(":") for part in text.split(","))
    return {int(t): float(v) * w for t, v in pairs}


# --- what: pictures -> embeds -> tokens ------------------------------------------------------------------------------


def embeds(encoder, pictures, plus):
    """What the host's own encoder says of pictures (n, H, W, 3)."""
    seen = encoder.encode_image(pictures)
    return (seen["penultimate_hidden_states"] if plus else seen["image_embeds"]).float().cpu()


COMBINE = {
    "concat": lambda e: e,
    "add": lambda e: e.sum(0, keepdim=True),
    "subtract": lambda e: e[:1] - e[1:].mean(0, keepdim=True),
    "average": lambda e: e.mean(0, keepdim=True),
    "max": lambda e: e.max(0, keepdim=True).values,
    "min": lambda e: e.min(0, keepdim=True).values,
}


def linear(weights, name, x):
    return F.linear(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def norm(weights, name, x):
    return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])


def tokens(weights, e):
    """Tokens (n, T, C) of embeds, by the image projection's weights: one linear layer, or a resampler."""
    if "latents" in weights:
        return resampled(weights, e)
    wide = linear(weights, "proj", e)
    return norm(weights, "norm", wide.view(len(e), -1, weights["norm.weight"].shape[0]))


def resampled(weights, e):
    x = linear(weights, "proj_in", e)
    state = weights["latents"].expand(len(e), -1, -1)
    for i in range(4):
        at = f"layers.{i}"
        context, latents = norm(weights, f"{at}.0.norm1", x), norm(weights, f"{at}.0.norm2", state)
        q = linear(weights, f"{at}.0.to_q", latents)
        k, v = linear(weights, f"{at}.0.to_kv", torch.cat([context, latents], 1)).chunk(2, -1)
        state = state + linear(weights, f"{at}.0.to_out", attention(q, k, v, q.shape[-1] // 64))
        hidden = F.gelu(linear(weights, f"{at}.1.1", norm(weights, f"{at}.1.0", state)))
        state = state + linear(weights, f"{at}.1.3", hidden)
    return norm(weights, "norm_out", linear(weights, "proj_out", state))


def attention(q, k, v, heads):
    """softmax(q k' / sqrt(d)) v, head by head."""

    def split(x):
        return x.view(len(x), -1, heads, x.shape[-1] // heads).transpose(1, 2)

    q, k, v = split(q), split(k), split(v)
    mixed = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v
    return mixed.transpose(1, 2).flatten(2)


# --- how strongly: embeds scaling ------------------------------------------------------------------------------------


def scaled(rule, q, k, v, w, heads):
    """One adapter's part of a layer, at weight w."""
    if rule == "V only":
        return w * attention(q, k, v, heads)
    if rule == "K+V":
        return attention(q, w * k, w * v, heads)
    w = w * v.shape[-1] / 1280
    if rule == "K+V w/ C penalty":
        return attention(q, w * k, w * v, heads)
    mean = v.mean(1, keepdim=True)
    return attention(q, w * k, v - mean + w * mean, heads)


@dataclass(frozen=True)
class Old:
    """One adapter as an old node put it on a model. `frames` is whether picture i is for picture i of the batch."""

    family: str
    image: torch.Tensor  # (n, T, C)
    negative: torch.Tensor
    factor: dict[int, float]
    swap: set[int] = field(default_factory=set)
    scaling: str = "V only"
    window: tuple[float, float] = (0.0, 1.0)
    mask: torch.Tensor | None = None
    frames: bool = False
    middle: bool = True
    others: tuple["Old", ...] = ()

    def on(self, model, attention_part):
        """A clone of a model with it; `attention_part` has the adapter's weights by their published names."""
        made = model.clone()
        sampling = model.get_model_object("model_sampling")
        for n, t, key in sites(self.family):
            to_kv = tuple(attention_part[f"{2 * n + 1}.{part}.weight"] for part in ("to_k_ip", "to_v_ip"))
            acting = [one for one in (self, *self.others) if t in one.factor and (key[0] != "middle" or one.middle)]
            if acting:
                made.set_model_attn2_replace(_layer(acting, t, to_kv, sampling), *key)
        return made

    def acts(self, sigma, sampling):
        high, low = (float(sampling.percent_to_sigma(percent)) for percent in self.window)
        return low <= sigma <= high

    def added(self, t, to_kv, q, options):
        """What it adds to a layer, (B, N, D): in swapped layers the picture stands on the negative side."""
        image, negative = (torch.zeros_like(self.image), self.image) if t in self.swap else (self.image, self.negative)
        sides = image, negative, image  # by place in the call, whatever stands there
        rows = len(q) // len(options["cond_or_uncond"])
        return torch.cat(
            [
                self._part(q[i * rows : (i + 1) * rows], sides[side], to_kv, self.factor[t], options)
                for i, side in enumerate(options["cond_or_uncond"])
            ]
        )

    def _part(self, q, tokens_of_side, projections, w, options):
        tokens_of_side, projections = tokens_of_side.to(q), [weight.to(q) for weight in projections]
        w = w.to(q) if isinstance(w, torch.Tensor) else w
        if self.frames:
            tokens_of_side = tokens_of_side if len(tokens_of_side) > 1 else tokens_of_side.expand(len(q), -1, -1)
        else:
            tokens_of_side = tokens_of_side.reshape(1, -1, tokens_of_side.shape[-1]).expand(len(q), -1, -1)
        k, v = (F.linear(tokens_of_side, weight) for weight in projections)
        found = scaled(self.scaling, q, k, v, w, options["n_heads"])
        if self.mask is None:
            return found
        size = options["activations_shape"][-2:]
        return found * F.interpolate(self.mask[:, None].to(q), size=size, mode="bilinear").flatten(2).transpose(1, 2)


def _layer(acting, t, to_kv, sampling):
    """The attention of a layer with what every adapter adds: all read the same queries, none the others' result."""

    def replaced(q, k, v, options):
        out = optimized_attention(q, k, v, options["n_heads"])
        sigma = options["sigmas"][0].item()
        for one in acting:
            if one.acts(sigma, sampling):
                out = out + one.added(t, to_kv, q, options)
        return out

    return replaced
