"""Turns one cell of the demonstration into the prompt ComfyUI's HTTP API takes."""

from collections.abc import Mapping

from .cells import NEGATIVE, Cell
from .job import Job, Node, node

SEED = 20
SAVE = "save"
Prompt = dict[str, Node]
Wire = list[str | int]


def prompt_for(cell: Cell, job: Job, uploaded: Mapping[str, str]) -> Prompt:
    """The API prompt of a `cell` without faces; `uploaded` maps a photograph's letter to its name on the server.

    The plain picture's prompt holds no node of the pack; every steer is one more Apply on the model's wire.
    """
    prompt: Prompt = {"model": job.model}
    prompt |= _steers(cell, job, uploaded)
    steered = f"steer-{len(cell.steers)}" if cell.steers else "model"
    return prompt | texts(cell) | sampled(cell, job, ([steered, 0], ["positive", 0], ["negative", 0]))


def texts(cell: Cell) -> Prompt:
    """The nodes that read the prompt and the negative prompt."""
    return {
        "positive": node("CLIPTextEncode", text=cell.text, clip=["model", 1]),
        "negative": node("CLIPTextEncode", text=NEGATIVE, clip=["model", 1]),
    }


def sampled(cell: Cell, job: Job, steered: tuple[Wire, Wire, Wire]) -> Prompt:
    """The nodes from noise to the saved picture, by the wires of model, positive and negative."""
    model, positive, negative = steered
    return {
        "latent": node("EmptyLatentImage", width=job.pixels, height=job.pixels, batch_size=1),
        "sampler": node(
            "KSampler",
            model=model,
            positive=positive,
            negative=negative,
            latent_image=["latent", 0],
            seed=SEED,
            steps=job.steps,
            cfg=6.0,
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


def _steers(cell: Cell, job: Job, uploaded: Mapping[str, str]) -> Prompt:
    if not cell.steers:
        return {}
    prompt: Prompt = {
        "encoder": job.encoder,
        "adapter": node("LikenessLoadIPAdapter", file=job.adapter_file, kind="auto", clip_vision=["encoder", 0]),
    }
    before = "model"
    for number, (letter, weight) in enumerate(cell.steers, start=1):
        prompt[f"photo-{letter}"] = node("LoadImage", image=uploaded[letter])
        prompt[f"steer-{number}"] = node(
            "LikenessApplyIPAdapter",
            model=[before, 0],
            adapter=["adapter", 0],
            image=[f"photo-{letter}", 0],
            weight=weight,
            start_percent=0.0,
            end_percent=1.0,
        )
        before = f"steer-{number}"
    return prompt
