"""The network of an adapter: its projection, and the keys and values of its layers, under the host's casting operations."""

from __future__ import annotations

from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from .checkpoint import Checkpoint
from .identify import Identity
from .key_values import Pair
from .layer_norms import EPSILON, IMAGE_KEY, TIME_BIAS, TIME_WEIGHT


class AdapterModule(nn.Module):
    """The weights of an adapter under the names of its checkpoint."""

    def __init__(self, checkpoint: Checkpoint, identity: Identity, operations: Any) -> None:
        super().__init__()
        variant = identity.variant
        self.projection = variant.projection(checkpoint.projection_shapes, operations, **variant.options)
        self.to_k, self.to_v = (
            nn.ModuleDict(
                {
                    str(i): operations.Linear(w.shape[1], w.shape[0], bias=i in biases)
                    for i, w in sorted(weights.items())
                }
            )
            for weights, biases in (
                (checkpoint.keys, checkpoint.key_biases),
                (checkpoint.values, checkpoint.value_biases),
            )
        )
        # What the picture's own queries and keys are normed by is asked once, of the checkpoint.
        self.norm_ip = nn.ModuleDict(
            {
                str(i): operations.Linear(*reversed(part[TIME_WEIGHT].shape))
                for i, part in sorted(checkpoint.norms.items())
            }
        )
        self.norm_ip_k = nn.ModuleDict(
            {
                str(i): operations.RMSNorm(part[IMAGE_KEY].shape[0], eps=EPSILON)
                for i, part in sorted(checkpoint.norms.items())
            }
        )

    def take_weights(self, checkpoint: Checkpoint) -> None:
        """Hold the checkpoint's own tensors, mapped files included, each in its own dtype."""
        weights = {f"projection.{key}": tensor for key, tensor in checkpoint.projection.items()}
        for name, part in (
            ("to_k.{}.weight", checkpoint.keys),
            ("to_k.{}.bias", checkpoint.key_biases),
            ("to_v.{}.weight", checkpoint.values),
            ("to_v.{}.bias", checkpoint.value_biases),
        ):
            weights.update({name.format(index): tensor for index, tensor in part.items()})
        for index, part in checkpoint.norms.items():
            names = {TIME_WEIGHT: "norm_ip.{}.weight", TIME_BIAS: "norm_ip.{}.bias", IMAGE_KEY: "norm_ip_k.{}.weight"}
            weights.update({name.format(index): part[key] for key, name in names.items()})
        self.load_state_dict(weights, strict=True, assign=True)

    def key_value(self, index: str, tokens: Tensor) -> Pair:
        """Keys and values (n, T, D) of image tokens (n, T, C) in a layer."""
        key, value = self.to_k[index](tokens), self.to_v[index](tokens)
        if index in self.norm_ip_k:
            norm = cast(nn.RMSNorm, self.norm_ip_k[index])
            key = norm(key.unflatten(-1, (-1, *norm.normalized_shape))).flatten(-2)
        return key, value

    def told_the_time(self, index: str, tokens: Tensor, embedding: Tensor) -> Tensor:
        """Image tokens (n, T, C) as a layer reads them at the time of an embedding (1, E)."""
        shift, scale = self.norm_ip[index](F.silu(embedding))[:, None].chunk(2, dim=-1)
        return F.layer_norm(tokens, tokens.shape[-1:], eps=EPSILON) * (1 + scale) + shift
