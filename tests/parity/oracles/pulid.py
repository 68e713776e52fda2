"""PuLID in both versions: encoders, the rule of the authors' processors, and one step with them on diffusers' UNet.

The rule is written from the paper (2404.16022, appendix) and its published description; no package has it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import LayerNorm, Linear

from .packages import reference
from .projections import Features
from .references import index_of, processors_restored
from .seeds import fill, normal
from .steps import Halves, Inputs, diffusers_step
from .unets import Twin, twin

LocalFacialExtractor = reference("diffusers.models.transformers.consisid_transformer_3d").LocalFacialExtractor

FACE, POOLED, HIDDEN, PATCHES, DEPTHS = 512, 48, 128, 9, 5
"""Widths of the face embedding, the tower's pooled output and its hidden states, its patches, and the depths read."""
ID_TOKENS = 5


@dataclass(frozen=True)
class Rule:
    """How the authors' app joins the branch: "add", "ortho" or "ortho_v2", and the zero tokens beside the identity's."""

    projection: str
    zeros: int


def _mapping(reads: int, width: int, gives: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inner in (reads, width):
        layers += [Linear(inner, width), LayerNorm(width), nn.LeakyReLU()]
    return nn.Sequential(*layers, Linear(width, gives))


class IDEncoderOfV1(nn.Module):
    """The ten tokens of PuLID v1, joined over photos as the authors' pipeline does."""

    def __init__(self, context_dim: int) -> None:
        super().__init__()
        self.context_dim = context_dim
        self.body = _mapping(FACE + POOLED, 64, ID_TOKENS * context_dim)
        for i in range(DEPTHS):
            self.add_module(f"mapping_{i}", _mapping(HIDDEN, 64, context_dim))
            self.add_module(f"mapping_patch_{i}", _mapping(HIDDEN, 64, context_dim))

    def of_one(self, identity: Tensor, hidden: list[Tensor]) -> Tensor:
        found = list(self.body(identity).reshape(-1, ID_TOKENS, self.context_dim).unbind(1))
        for i, state in enumerate(hidden):
            of_class = self.get_submodule(f"mapping_{i}")(state[:, 0])
            of_patches = self.get_submodule(f"mapping_patch_{i}")(state[:, 1:]).mean(dim=1)
            found.append(of_class + of_patches)
        return torch.stack(found, dim=1)

    def forward(self, identity: Tensor, hidden: list[Tensor]) -> Tensor:
        photos = [
            self.of_one(identity[i : i + 1], [state[i : i + 1] for state in hidden]) for i in range(len(identity))
        ]
        return torch.cat([photos[0], *(tokens[:, :ID_TOKENS] for tokens in photos[1:])], dim=1)


class IDFormerOfV11(nn.Module):
    """diffusers' class of the same network; of several photos its own parts, in one pass."""

    def __init__(self, context_dim: int) -> None:
        super().__init__()
        self.net = LocalFacialExtractor(
            id_dim=FACE + POOLED, vit_dim=HIDDEN, heads=2, output_dim=context_dim, ff_mult=2
        )

    def forward(self, identity: Tensor, hidden: list[Tensor]) -> Tensor:
        net = self.net
        if len(identity) == 1:
            return net(identity, hidden)
        photos = net.id_embedding_mapping(identity).reshape(1, -1, HIDDEN)
        latents = torch.cat((net.latents, photos), dim=1)
        for i, state in enumerate(hidden):
            context = torch.cat((photos, net.get_submodule(f"mapping_{i}")(state).reshape(1, -1, HIDDEN)), dim=1)
            for attention, feed_forward in net.layers[2 * i : 2 * i + 2]:
                latents = attention(context, latents) + latents
                latents = feed_forward(latents) + latents
        return latents[:, : net.num_queries] @ net.proj_out


VERSIONS = {"pulid_v1": IDEncoderOfV1, "pulid_v1_1": IDFormerOfV11}


class IDAttention(nn.Module):
    """The authors' processor of a cross-attention: the identity's keys and values beside the text's."""

    def __init__(self, hidden: int, context_dim: int) -> None:
        super().__init__()
        self.id_to_k = Linear(context_dim, hidden, bias=False)
        self.id_to_v = Linear(context_dim, hidden, bias=False)
        self.tokens: Tensor | None = None
        self.rule, self.scale = Rule("add", 0), 1.0

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, **_):
        def heads(x):
            return rearrange(x, "n t (h d) -> n h t d", h=attn.heads)

        def attended(key, value):
            found = nn.functional.scaled_dot_product_attention(heads(query), heads(key), heads(value))
            return rearrange(found, "n h t d -> n t (h d)")

        query = attn.to_q(hidden_states)
        text = attended(attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states))
        zeros = self.tokens.new_zeros(len(self.tokens), self.rule.zeros, self.tokens.shape[-1])
        identity = torch.cat([self.tokens, zeros], dim=1)
        key, value = self.id_to_k(identity), self.id_to_v(identity)
        joined = text + self.scale * self._joining(text, attended(key, value), heads(query), heads(key))
        return attn.to_out[0](joined)

    def _joining(self, text, image, query, key):
        if self.rule.projection == "add":
            return image
        along = (text * image).sum(-2, keepdim=True) / (text * text).sum(-2, keepdim=True) * text
        if self.rule.projection == "ortho":
            return image - along
        share = (query @ key.transpose(-1, -2)).softmax(-1).mean(1)[..., :ID_TOKENS].sum(-1, keepdim=True)
        return image + (share - 1) * along


@dataclass(frozen=True)
class PuLID:
    """One adapter for the small SDXL UNet, as `Loader.load` takes it."""

    variant: str
    encoder: nn.Module
    processors: Mapping[str, IDAttention]

    def save(self, path: Path) -> Path:
        """Write it under the authors' names."""
        encoder = self.encoder.net if isinstance(self.encoder, IDFormerOfV11) else self.encoder
        weights = {f"id_adapter.{key}": tensor for key, tensor in encoder.state_dict().items()}
        places = index_of(twin("sdxl").unet)
        for name, processor in self.processors.items():
            weights |= {
                f"id_adapter_attn_layers.{places[name]}.{key}": tensor for key, tensor in processor.state_dict().items()
            }
        safetensors.torch.save_file({key: tensor.clone() for key, tensor in weights.items()}, path)
        return path

    @torch.no_grad()
    def tokens(self, features: Features) -> Tensor:
        """(1, T, C) of the photos together."""
        identity = torch.cat([features["face"], features["face_pooled"]], dim=-1)
        return self.encoder(identity, list(features["face_hidden"].unbind(1)))


@cache
def pulid(version: str) -> PuLID:
    """A seeded adapter."""
    spec = twin("sdxl")
    width = spec.family.context_dim
    attentions = {name: spec.unet.get_submodule(name.removesuffix(".processor")) for name in index_of(spec.unet)}
    processors = {
        name: fill(IDAttention(attention.to_q.out_features, width), "pulid", version, name)
        for name, attention in attentions.items()
    }
    return PuLID(version, fill(VERSIONS[version](width), "pulid", version), processors)


def features(photos: int, seed: int = 0) -> Features:
    """Seeded features of photos, as the recogniser and the tower give them."""
    key = ("pulid", photos, seed)
    return {
        "face": normal(photos, FACE, key=(*key, "face")),
        "face_hidden": normal(photos, DEPTHS, 1 + PATCHES, HIDDEN, key=(*key, "hidden")),
        "face_pooled": nn.functional.normalize(normal(photos, POOLED, key=(*key, "pooled")), dim=-1),
    }


def none_of(version: str, given: Features) -> Features:
    """The unconditional half: zeros through the encoder, in v1 of each photo, in v1.1 of one."""
    return {name: torch.zeros_like(x if version == "pulid_v1" else x[:1]) for name, x in given.items()}


@contextmanager
def with_processors(spec: Twin, adapter: PuLID, seen: Features, rule: Rule, scale: float) -> Iterator[None]:
    """diffusers' UNet with the authors' processors, the negative half first."""
    halves = [adapter.tokens(half) for half in (none_of(adapter.variant, seen), seen)]
    with processors_restored(spec.unet):
        processors = dict(spec.unet.attn_processors)
        for name, processor in adapter.processors.items():
            processor.tokens, processor.rule, processor.scale = torch.cat(halves), rule, scale
            processors[name] = processor
        spec.unet.set_attn_processor(processors)
        yield


def with_authors(spec: Twin, given: Inputs, adapter: PuLID, seen: Features, rule: Rule, scale: float) -> Halves:
    """One step with the authors' processors on diffusers' UNet."""
    with with_processors(spec, adapter, seen, rule, scale):
        return diffusers_step(spec, given)


TEMPLATE = (
    (192.98138, 239.94708),
    (318.90277, 240.1936),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)
"""facexlib's places of eyes, nose and corners of the mouth in a crop of 512 pixels."""


def helper_that_sees(keypoints: np.ndarray, parser: nn.Module) -> object:
    """facexlib's helper without its detector's weights: it sees one face with these keypoints, (5, 2)."""
    helper_of = reference("facexlib.utils.face_restoration_helper").FaceRestoreHelper

    class OneFace:
        def detect_faces(self, image, *_):
            height, width = image.shape[:2]
            return np.array([[0, 0, width, height, 0.99, *keypoints.flatten()]])

    helper = helper_of.__new__(helper_of)
    helper.template_3points, helper.face_template = False, np.array(TEMPLATE)
    helper.upscale_factor, helper.face_size, helper.crop_ratio, helper.pad_blur = 1, (512, 512), (1, 1), False
    helper.save_ext, helper.use_parse, helper.device = "png", True, torch.device("cpu")
    helper.face_det, helper.face_parse = OneFace(), parser
    helper.clean_all()
    return helper


def recogniser_that_sees(keypoints: np.ndarray, embedding: np.ndarray) -> object:
    """InsightFace's `FaceAnalysis`, which finds the same face and gives this embedding, (512,)."""

    class OneFace:
        def get(self, image):
            height, width = image.shape[:2]
            return [{"bbox": (0, 0, width, height), "embedding": embedding, "kps": keypoints}]

    return OneFace()
