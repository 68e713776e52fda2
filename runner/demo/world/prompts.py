"""Turns a cell of the miniature world into the prompt ComfyUI's HTTP API takes."""

from collections.abc import Sequence

from ..nodes import SAVE, Node, Prompt, Wire, node
from .cells import SHAPES, Cell, Steer

SIDE = 64  # pixels, for which the world's models are trained
STEPS, CFG, SEED = 20, 3.0, 7
ADAPTER = "miniature/world_base.safetensors"

Sides = tuple[Wire, Wire, Wire]
"""The wires of the model and both conditionings."""


def prompt_for(cell: Cell) -> Prompt:
    """The API prompt of a cell; that of the plain model holds no node of the pack."""
    if cell.drawn:
        return {"drawn": drawn(cell.drawn), SAVE: saved(cell, ["drawn", 0])}
    prompt: Prompt = {
        "model": node("MiniatureWorldModel"),
        "positive": node("CLIPTextEncode", text=cell.text, clip=["model", 1]),
        "negative": node("CLIPTextEncode", text="", clip=["model", 1]),
    }
    wires: Sides = (["model", 0], ["positive", 0], ["negative", 0])
    if cell.is_wide:
        wires = (wires[0], *(_for_each_half(prompt, name) for name in ("positive", "negative")))
    for number, steer in enumerate(cell.steers):
        wires = _steer(prompt, steer, number, wires)
    return prompt | _sampled(cell, wires)


def drawn(name: str) -> Node:
    """The node that draws a reference."""
    return node("MiniatureDrawnShape", **SHAPES[name], seed=1)


def _for_each_half(prompt: Prompt, name: str) -> Wire:
    """A text told of each half by itself: a model that knows one thing in a picture draws one in each."""
    for side in ("left", "right"):
        prompt[f"{name}-{side}"] = node(
            "ConditioningSetArea",
            conditioning=[name, 0],
            width=SIDE,
            height=SIDE,
            x=_left(side),
            y=0,
            strength=1.0,
        )
    prompt[f"{name}-halves"] = node(
        "ConditioningCombine", conditioning_1=[f"{name}-left", 0], conditioning_2=[f"{name}-right", 0]
    )
    return [f"{name}-halves", 0]


def _steer(prompt: Prompt, steer: Steer, number: int, wires: Sides) -> Sides:
    prompt["encoder"] = node("MiniatureWorldCLIPVision")
    prompt["adapter"] = node("LikenessLoadIPAdapter", file=ADAPTER, kind="auto", clip_vision=["encoder", 0])
    prompt[f"reference-{number}"] = drawn(steer.reference)
    name = f"steer-{number}"
    prompt[name] = node(
        "LikenessApplyIPAdapter",
        model=wires[0],
        adapter=["adapter", 0],
        image=[f"reference-{number}", 0],
        weight=steer.weight,
        fusion=steer.fusion,
        **_layers(prompt, steer.layers, number),
        **_mask(prompt, steer.side),
    )
    return ([name, 0], *wires[1:])


def _layers(prompt: Prompt, layers: str, number: int) -> dict[str, Wire | str]:
    """The input that says in which layers it acts, with its node if there is one."""
    if ":" not in layers:
        return {"layer_preset": layers}
    prompt[f"layers-{number}"] = node("LikenessLayerWeights", family="vega", weights=layers)
    return {"layers": [f"layers-{number}", 0]}


def _left(side: str) -> int:
    return SIDE if side == "right" else 0


def _mask(prompt: Prompt, side: str) -> dict[str, Wire]:
    """The mask of one half of two squares side by side, if there is one."""
    if not side:
        return {}
    prompt["none"] = node("SolidMask", value=0.0, width=2 * SIDE, height=SIDE)
    prompt["half"] = node("SolidMask", value=1.0, width=SIDE, height=SIDE)
    prompt[f"mask-{side}"] = node(
        "MaskComposite", destination=["none", 0], source=["half", 0], x=_left(side), y=0, operation="add"
    )
    return {"attn_mask": [f"mask-{side}", 0]}


def _sampled(cell: Cell, wires: Sequence[Wire]) -> Prompt:
    model, positive, negative = wires
    return {
        "latent": node("EmptyLatentImage", width=SIDE * (2 if cell.is_wide else 1), height=SIDE, batch_size=1),
        "sampler": node(
            "KSampler",
            model=model,
            positive=positive,
            negative=negative,
            latent_image=["latent", 0],
            seed=SEED,
            steps=STEPS,
            cfg=CFG,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
        ),
        "picture": node("VAEDecode", samples=["sampler", 0], vae=["model", 2]),
        SAVE: saved(cell, ["picture", 0]),
    }


def saved(cell: Cell, images: Wire) -> Node:
    """The node whose picture is the cell's."""
    return node("SaveImage", images=images, filename_prefix=f"likeness-demo/{cell.name}")
