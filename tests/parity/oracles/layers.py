"""What every cross-attention gives within one step, on either side, by its index in checkpoints."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from .unets import Twin, comfy_utils

Outputs = dict[int, list[Tensor]]
"""Index (1, 3, 5 ...) -> the layer's output (rows, tokens, width) after its output projection, one for each call."""


def diffusers_layers(twin: Twin) -> dict[int, nn.Module]:
    """The output projections of diffusers' cross-attentions."""
    names = [name for name in twin.unet.attn_processors if not name.startswith("encoder_hid_proj.")]
    return {
        index: twin.unet.get_submodule(name.replace(".processor", ".to_out.0"))
        for index, name in enumerate(names)
        if ".attn2." in name
    }


def host_layers(twin: Twin) -> dict[int, nn.Module]:
    """The output projections of the same layers in the host's UNet, found through the host's own key map."""
    names = comfy_utils.unet_to_diffusers(twin.family.layout)
    paths = {index: _path(twin.unet, module) for index, module in diffusers_layers(twin).items()}
    model = twin.patcher.model.diffusion_model
    return {
        index: model.get_submodule(names[f"{path}.weight"].removesuffix(".weight")) for index, path in paths.items()
    }


def _path(root: nn.Module, wanted: nn.Module) -> str:
    return next(name for name, module in root.named_modules() if module is wanted)


@contextmanager
def recorded(layers: dict[int, nn.Module]) -> Iterator[Outputs]:
    """Everything that these layers give while the context is open, brought to the CPU."""
    seen: Outputs = {index: [] for index in layers}
    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, index=index: seen[index].append(output.cpu()))
        for index, module in layers.items()
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
