"""PuLID's two encoders: a face embedding and what an image tower saw of the face -> identity tokens.

The weights keep the names of the published files below `id_adapter.` (arXiv 2404.16022). Both read `face` (n, 512),
`face_hidden` (n, 5, 1 + patches, W) and `face_pooled` (n, P), of length 1, and with `together` make one reference of n
photos, as the authors do.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from einops import rearrange
from torch import Tensor, nn

from .perceiver import PerceiverAttention, feed_forward
from .projection import Shapes

DEPTHS = 5


def _mapping(name: str, shapes: Shapes, operations: Any) -> nn.Sequential:
    """Three linear layers with a norm and a leaky step between them, with the sizes of the weights called `name`."""
    rows = [shapes[f"{name}.{i}.weight"] for i in (0, 3, 6)]
    first, second, last = (operations.Linear(inner, out) for out, inner in rows)
    norms = (operations.LayerNorm(rows[0][0]), operations.LayerNorm(rows[1][0]))
    return nn.Sequential(first, norms[0], nn.LeakyReLU(), second, norms[1], nn.LeakyReLU(), last)


class IDEncoder(nn.Module):
    """Identity tokens (n, 10, C) of PuLID v1: five of the embeddings, then one for each depth of the tower.

    Of further photos of one reference the first five tokens are added: (1, 10 + 5 (n - 1), C).
    """

    def __init__(self, shapes: Shapes, operations: Any = nn) -> None:
        super().__init__()
        self.body = _mapping("body", shapes, operations)
        self.context_dim = shapes["mapping_0.6.weight"][0]
        for depth in range(DEPTHS):
            for name in (f"mapping_{depth}", f"mapping_patch_{depth}"):
                setattr(self, name, _mapping(name, shapes, operations))

    def forward(self, face: Tensor, face_hidden: Tensor, face_pooled: Tensor, together: bool = False) -> Tensor:
        read = self.body(torch.cat([face, face_pooled], dim=-1))
        tokens = [rearrange(read, "n (t c) -> n t c", c=self.context_dim)]
        for depth, hidden in enumerate(face_hidden.unbind(1)):
            of_class, of_patch = (getattr(self, f"{name}_{depth}") for name in ("mapping", "mapping_patch"))
            tokens.append((of_class(hidden[:, 0]) + of_patch(hidden[:, 1:]).mean(1))[:, None])
        each = torch.cat(tokens, dim=1)
        if not together:
            return each
        return torch.cat([each[:1], rearrange(each[1:, :DEPTHS], "n t c -> 1 (n t) c")], dim=1)


class IDFormer(nn.Module):
    """Identity tokens (n, 32, C) of PuLID v1.1: latents that attend to each depth of the tower in turn.

    n photos of one reference are read in one pass: (1, 32, C).
    """

    def __init__(self, shapes: Shapes, operations: Any = nn) -> None:
        super().__init__()
        width, self.context_dim = shapes["proj_out"]
        self.latents = nn.Parameter(torch.empty(shapes["latents"]))
        self.proj_out = nn.Parameter(torch.empty(shapes["proj_out"]))
        self.id_embedding_mapping = _mapping("id_embedding_mapping", shapes, operations)
        for depth in range(DEPTHS):
            setattr(self, f"mapping_{depth}", _mapping(f"mapping_{depth}", shapes, operations))
        blocks = len({key.split(".")[1] for key in shapes if key.startswith("layers.")})
        heads = shapes["layers.0.0.to_q.weight"][0] // 64
        hidden = shapes["layers.0.1.1.weight"][0]
        self.layers = nn.ModuleList(
            nn.ModuleList((PerceiverAttention(width, heads, operations), feed_forward(width, hidden, operations)))
            for _ in range(blocks)
        )

    def forward(self, face: Tensor, face_hidden: Tensor, face_pooled: Tensor, together: bool = False) -> Tensor:
        width = self.latents.shape[-1]
        embeddings = rearrange(
            self.id_embedding_mapping(torch.cat([face, face_pooled], dim=-1)), "n (t d) -> n t d", d=width
        )
        scales = [getattr(self, f"mapping_{i}")(hidden) for i, hidden in enumerate(face_hidden.unbind(1))]
        if together:
            embeddings, *scales = (rearrange(x, "n t d -> 1 (n t) d") for x in (embeddings, *scales))
        latents = self.latents.to(embeddings).expand(len(embeddings), -1, -1)
        count, per_scale = latents.shape[1], len(self.layers) // DEPTHS
        latents = torch.cat([latents, embeddings], dim=1)
        for i, layer in enumerate(self.layers):
            attention, feed = cast(nn.ModuleList, layer)
            inputs = torch.cat([embeddings, scales[i // per_scale]], dim=1)
            latents = latents + attention(inputs, latents)
            latents = latents + feed(latents)
        return latents[:, :count] @ self.proj_out.to(latents)
