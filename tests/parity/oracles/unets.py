"""The same seeded weights as a diffusers UNet and as a host ModelPatcher, for SD1.5 and SDXL layouts."""

from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

from torch import nn

from .packages import reference
from .seeds import fill

UNet2DConditionModel = reference("diffusers").UNet2DConditionModel
comfy_ops = reference("comfy.ops")
comfy_utils = reference("comfy.utils")
model_detection = reference("comfy.model_detection")
model_management = reference("comfy.model_management")
model_patcher = reference("comfy.model_patcher")
supported_models = reference("comfy.supported_models")
UNetModel = reference("comfy.ldm.modules.diffusionmodules.openaimodel").UNetModel

TEXT_PROJECTION = "encoder_hid_proj"


@dataclass(frozen=True)
class Family:
    """A published block layout at small width: every cross-attention is there, only narrower."""

    name: str
    context_dim: int  # width of text and image tokens, as the layers read them
    pooled_dim: int  # width of SDXL's pooled text, 0 for SD1.5
    diffusers: dict  # arguments of diffusers' UNet
    layout: dict  # what the host needs to name the same blocks
    host_config: str  # the host's own configuration class
    projected_dim: int = 0  # width of a text that the network itself projects to context_dim, 0 where it takes that

    @property
    def text_dim(self) -> int:
        """The width of the text as the network takes it."""
        return self.projected_dim or self.context_dim


FAMILIES = MappingProxyType(
    {
        "sd15": Family(
            name="sd15",
            context_dim=64,
            pooled_dim=0,
            diffusers={
                "block_out_channels": (32, 64, 128, 128),
                "attention_head_dim": 8,  # diffusers' name for the number of heads
                "cross_attention_dim": 64,
            },
            layout={
                "num_res_blocks": [2, 2, 2, 2],
                "channel_mult": [1, 2, 4, 4],
                "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
                "transformer_depth_middle": 1,
                "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
            },
            host_config="SD15",
        ),
        "sdxl": Family(
            name="sdxl",
            context_dim=128,
            pooled_dim=32,
            diffusers={
                "block_out_channels": (32, 64, 128),
                "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                "transformer_layers_per_block": (1, 2, 10),
                "attention_head_dim": (1, 1, 2),  # heads of 64 channels, as the host takes for SDXL
                "cross_attention_dim": 128,
                "use_linear_projection": True,
                "addition_embed_type": "text_time",
                "addition_time_embed_dim": 256,
                "projection_class_embeddings_input_dim": 6 * 256 + 32,
            },
            layout={
                "num_res_blocks": [2, 2, 2],
                "channel_mult": [1, 2, 4],
                "transformer_depth": [0, 0, 2, 2, 10, 10],
                "transformer_depth_middle": 10,
                "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
            },
            host_config="SDXL",
        ),
    }
)


KOLORS = replace(
    FAMILIES["sdxl"],
    name="kolors",
    projected_dim=192,
    diffusers={**FAMILIES["sdxl"].diffusers, "encoder_hid_dim": 192, "encoder_hid_dim_type": "text_proj"},
)
"""SDXL's layout with Kolors' projection of the text; the host has none, packs make a subclass of its UNet."""


class ProjectsText(UNetModel):
    """The host's UNet, which projects its text first, as the packs that bring Kolors do."""

    def forward(self, x, timesteps=None, context=None, *args, **kwargs):
        return super().forward(x, timesteps, self.encoder_hid_proj(context), *args, **kwargs)


@dataclass(frozen=True)
class Twin:
    """One set of weights, twice. Treat both as read-only: clone the patcher, use `adapted` on the UNet."""

    family: Family
    unet: nn.Module
    patcher: object


@cache
def twin(family: str) -> Twin:
    """The bare UNets of a family, made once in a process."""
    spec = KOLORS if family == KOLORS.name else FAMILIES[family]
    unet = fill(UNet2DConditionModel(**spec.diffusers), "unet", family)
    return Twin(spec, unet, host_patcher(spec, unet))


def host_patcher(spec: Family, unet: nn.Module) -> object:
    """The host's model, of its own class for the family, holding the weights of a diffusers UNet."""
    names = comfy_utils.unet_to_diffusers(spec.layout)
    theirs = {key: tensor.clone() for key, tensor in unet.state_dict().items()}
    projection = {key: theirs.pop(key) for key in list(theirs) if key.startswith(f"{TEXT_PROJECTION}.")}
    weights = {names[key]: tensor for key, tensor in theirs.items()}
    detected = model_detection.detect_unet_config(weights, "")
    for name, value in spec.layout.items():
        if detected[name] != value:
            raise ValueError(f"the host reads {name} as {detected[name]} from the shapes, expected {value}")
    config = getattr(supported_models, spec.host_config)(detected)
    config.set_inference_dtype(next(unet.parameters()).dtype, None)
    model = config.get_model({})
    if spec.projected_dim:
        model.diffusion_model.__class__ = ProjectsText
        model.diffusion_model.encoder_hid_proj = comfy_ops.disable_weight_init.Linear(
            spec.projected_dim, spec.context_dim
        )
    model.diffusion_model.load_state_dict(weights | projection, strict=True)
    model.eval()
    device = model_management.get_torch_device()
    return model_patcher.CoreModelPatcher(model, device, model_management.unet_offload_device())
