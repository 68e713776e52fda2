"""A step with adapters on the diffusers UNet: by diffusers' own loader, and by the authors' processors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from . import authors
from .adapters import Use
from .packages import reference
from .steps import Halves, Inputs, diffusers_step
from .unets import Twin

AttnProcessor2_0 = reference("diffusers.models.attention_processor").AttnProcessor2_0


def index_of(unet: nn.Module) -> dict[str, int]:
    """Processor name -> its index in checkpoints, cross-attentions only."""
    return {name: place for place, name in enumerate(unet.attn_processors) if ".attn2." in name}


@contextmanager
def processors_restored(unet: nn.Module) -> Iterator[None]:
    """Whatever is loaded into the UNet inside, it is the bare one again afterwards."""
    text_projection, kind = unet.encoder_hid_proj, unet.config.encoder_hid_dim_type
    try:
        yield
    finally:
        unet.encoder_hid_proj = text_projection  # first: a resampler holds attention processors of its own
        if hasattr(unet, "text_encoder_hid_proj"):
            del unet.text_encoder_hid_proj  # diffusers' loader keeps a first one
        unet.register_to_config(encoder_hid_dim_type=kind)
        unet.set_attn_processor(AttnProcessor2_0())


def diffusers_inputs(uses: Sequence[Use], layers: Sequence[nn.Module]) -> list[Tensor]:
    """diffusers' `image_embeds`, (2, n, ...) for each adapter, negative first; FaceID-Plus' second input is set."""
    embeds = []
    for each, layer in zip(uses, layers, strict=True):
        names = list(each.positive)
        place = next(layer.parameters()).device
        both = {name: torch.stack([each.negative[name], each.positive[name]]).to(place) for name in names}
        first = both[names[0]]
        if each.adapter.variant in ("instantid", "portrait_unnorm"):
            first = first[:, :, None]  # a sequence of one face for each picture
        if len(names) == 2:
            layer.clip_embeds = both["penultimate"]
            layer.shortcut = each.adapter.variant == "faceid_plus_v2"
            layer.shortcut_scale = each.shortcut_scale
        embeds.append(first)
    return embeds


@contextmanager
def diffusers_loaded(twin: Twin, uses: Sequence[Use]) -> Iterator[list[Tensor]]:
    """The diffusers UNet with the adapters loaded by diffusers itself; gives its `image_embeds`.

    FaceID's LoRA is not loaded: diffusers leaves it to PEFT. See `authors_step`.
    """
    unet = twin.unet
    with processors_restored(unet), torch.no_grad():
        unet._load_ip_adapter_weights([each.adapter.checkpoint for each in uses], low_cpu_mem_usage=False)
        projections = unet.encoder_hid_proj.image_projection_layers
        unet.encoder_hid_proj.eval()
        for name, index in without_projections(unet).items():
            unet.attn_processors[name].scale = [each.scale_at(index) for each in uses]
        yield diffusers_inputs(uses, projections)


def without_projections(unet: nn.Module) -> dict[str, int]:
    """`index_of` for a UNet whose projections are loaded: their own attentions are not counted."""
    names = [name for name in unet.attn_processors if not name.startswith("encoder_hid_proj.")]
    return {name: place for place, name in enumerate(names) if ".attn2." in name}


def with_diffusers(twin: Twin, given: Inputs, uses: Sequence[Use], masks: list[Tensor] | None = None) -> Halves:
    """One step of diffusers' IP-Adapter. `masks`: one (1, n, H, W) for each adapter, as diffusers takes them."""
    with diffusers_loaded(twin, uses) as image_embeds:
        extra = {"ip_adapter_masks": masks} if masks is not None else {}
        return diffusers_step(twin, given, image_embeds, **extra)


def with_authors(twin: Twin, given: Inputs, each: Use) -> Halves:
    """One step with the authors' processors and projection, FaceID's LoRA included (at strength 1)."""
    unet, tokens = twin.unet, each.tokens()
    made = authors.processors(unet, tokens.shape[1], each.adapter.lora_rank)
    nn.ModuleList(made.values()).load_state_dict(dict(each.adapter.attention), strict=True)
    for name, index in index_of(unet).items():
        made[name].scale = each.scale_at(index)
    with processors_restored(unet):
        unet.set_attn_processor(dict(made))
        return diffusers_step(twin, given, extra_tokens=tokens)


@torch.no_grad()
def diffusers_tokens(twin: Twin, each: Use) -> Tensor:
    """diffusers' image tokens (2, n * T, C), negative half first, from the published weights."""
    with diffusers_loaded(twin, [each]) as image_embeds:
        (tokens,) = twin.unet.encoder_hid_proj(image_embeds)
        return tokens.flatten(1, 2)
