"""What learns, acting in a call of the frozen model: the branch of a new adapter, and an IdentityNet beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import comfy.ldm.modules.attention as host
from comfy.cldm.cldm import ControlNet as Network
from torch import Tensor, nn

from ..adapter.identify import Identity
from ..adapter.module import AdapterModule
from ..models.families import layers
from .attending import Attending
from .frozen import FrozenModel
from .loss import Noised

Options = Mapping[str, Any]
Residuals = Mapping[str, list[Tensor]]
Attend = Callable[[Tensor, Tensor, Tensor, Options], Tensor]


@dataclass(frozen=True, eq=False)
class Batch:
    """What one batch shows: the model's own conditioning, the features (B, ...) of the references, the hints."""

    conditions: Mapping[str, Tensor]
    features: tuple[Tensor, ...]
    hints: Tensor | None = None  # (B, 3, H, W), 0..1, eight pixels for each latent cell


class Trainee(nn.Module):
    """A new adapter, and for InstantID the IdentityNet that reads its tokens in place of the text."""

    def __init__(self, adapter: AdapterModule, identity: Identity, identitynet: Network | None = None) -> None:
        super().__init__()
        self.identity = identity
        self.adapter = adapter
        self.identitynet = identitynet
        # In the order of execution.
        executed = sorted(layers(identity.family.name), key=lambda layer: layer.transformer)
        self._layers = {layer.key: str(layer.index) for layer in executed}

    def forward(self, frozen: FrozenModel, given: Noised, batch: Batch) -> Tensor:
        """The clean latents (B, C, h, w) that the frozen model predicts when the trainee acts in it."""
        tokens: Tensor = self.adapter.projection(*batch.features)
        options: dict[str, Any] = {}
        if self.identitynet is not None:
            options["patches"] = adding(_residuals(self.identitynet, frozen.model, given, batch, tokens))
        # After the net, which acts before the model: gradients are added up from behind.
        replaced = {
            block: _attend(self.adapter.to_k[index](tokens), self.adapter.to_v[index](tokens), frozen.attending)
            for block, index in self._layers.items()
        }
        options["patches_replace"] = {"attn2": replaced}
        return frozen.denoised(given.noisy, given.sigmas, options, batch.conditions)


def _attend(key: Tensor, value: Tensor, attending: Attending | None) -> Attend:
    def attend(q: Tensor, k: Tensor, v: Tensor, options: Options) -> Tensor:
        heads: int = options["n_heads"]
        image = key.to(q), value.to(q)
        if attending is not None:
            return attending.attend(q, k, v, heads) + attending.attend(q, *image, heads)
        text = host.optimized_attention(
            q, k, v, heads, attn_precision=options["attn_precision"], transformer_options=options
        )
        return text + host.attention_pytorch(q, *image, heads)

    return attend


def _residuals(net: Network, model: Any, given: Noised, batch: Batch, tokens: Tensor) -> Residuals:
    """What an IdentityNet that reads `tokens` in place of the text adds to the model's blocks."""
    sampling = model.model_sampling
    return net(
        x=sampling.calculate_input(given.sigmas, given.noisy),
        hint=batch.hints,
        timesteps=sampling.timestep(given.sigmas).float(),
        context=tokens,
        **{name: value for name, value in batch.conditions.items() if name == "y"},
    )


def adding(residuals: Residuals) -> dict[str, list[Callable[..., Any]]]:
    """Patches of the host's UNet that add residuals as a ControlNet's are added.

    The host adds a ControlNet's in place, into activations that a backward pass still needs.
    """
    middle, output = residuals["middle"], list(residuals["output"])

    def after_middle(state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "h": state["h"] + middle[0].to(state["h"])}

    def before_output(h: Tensor, skip: Tensor, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        # The last residual is for the first output block.
        return h, skip + output[-1 - options["block"][1]].to(skip)

    return {"middle_block_after_patch": [after_middle], "output_block_patch": [before_output]}
