"""A loaded adapter: turns embeds into image tokens, and those into the keys and values of every layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import torch
from torch import Tensor

from ..cache import Cache, digest
from ..files.known import known
from ..files.sha256 import sha256_of
from ..models.families import BlockKey, layers
from ..models.fits import AdapterLayers
from ..reference.embeds import Embeds
from ..reference.embeds_file import MadeFor
from ..reference.encoders import encoders_for
from ..reference.features import FEATURES
from .checkpoint import Checkpoint, naming
from .identify import identify
from .key_values import KeyValues, KeyValuesOnDemand, NoTokens, Pair, Source
from .layer_norms import KEY, QUERY
from .module import AdapterModule
from .timed import KeyValuesByTime
from .variants import AUTO

# Bytes. Keys and values of one SDXL picture of 16 tokens are 11 MB in float32, of 257 tokens 171 MB.
# InstantX's 128 tokens in 57 blocks are 179 MB a picture, 90 MB where the model computes in half precision.
CACHE_BUDGET = 1 << 30
TOKENS_BUDGET = 1 << 26
KEPT_BUDGET = 1 << 29


class Adapter:
    """An adapter under the host's memory management, with a cache of its keys and values."""

    def __init__(self, checkpoint: Checkpoint, kind: str = AUTO) -> None:
        self.path = checkpoint.path
        self.name = checkpoint.path.name
        with naming(checkpoint.path):
            self.identity = identify(checkpoint, kind)
        self.context_dim = checkpoint.context_dim
        self.layers = AdapterLayers(
            self.name, self.label, self.identity.family, checkpoint.layer_shapes, checkpoint.token_width
        )
        self.lora = checkpoint.lora
        self.known = known(checkpoint.path)
        self._projection_shapes = checkpoint.projection_shapes
        with torch.device("meta"):
            self.module = AdapterModule(checkpoint, self.identity, comfy.ops.manual_cast)
        self.module.take_weights(checkpoint)
        self.module.eval().requires_grad_(False)
        comfy.model_management.archive_model_dtypes(self.module)
        # Looked up now, not imported: the host replaces this name when it can load weights on demand.
        self.patcher = comfy.model_patcher.CoreModelPatcher(
            self.module,
            load_device=comfy.model_management.get_torch_device(),
            offload_device=comfy.model_management.unet_offload_device(),
        )
        self._layers = {
            layer.key: layer.index for layer in layers(self.identity.family.name) if layer.index in checkpoint.keys
        }
        self.picture_norms: Mapping[BlockKey, Pair] = {
            block: (checkpoint.norms[i][QUERY].float(), checkpoint.norms[i][KEY].float())
            for block, i in self._layers.items()
            if i in checkpoint.norms
        }
        self._numbers_per_token = sum(2 * weight.shape[0] for weight in checkpoint.keys.values())
        # What the host casts a weight to is there beside it: InstantX's projector has one of 1.2 billion numbers.
        self._largest = max(4 * weight.numel() for weight in checkpoint.projection.values())
        self._tokens: Cache[Tensor] = Cache(TOKENS_BUDGET, lambda tokens: tokens.nbytes)
        self._cache: Cache[KeyValues] = Cache(CACHE_BUDGET, lambda kv: kv.nbytes)

    @property
    def label(self) -> str:
        return f"{self.identity.variant.label} for {self.identity.family.label}"

    @property
    def features(self) -> tuple[str, ...]:
        return self.identity.variant.features

    @property
    def advice(self) -> tuple[str, ...]:
        """Its authors' settings that are not Apply IP-Adapter's defaults, in words."""
        weight = self.identity.variant.weight
        return () if weight == 1 else (f"its authors use weight {weight:g}",)

    @property
    def picture_size(self) -> int | None:
        """The side in pixels of the pictures that its encoder saw in training; None for the encoder's own."""
        return self.known.picture if self.known else None

    @property
    def fit(self) -> str:
        """How a picture becomes its encoder's square as its authors do: a row of `square.SQUARE_FITS`."""
        return self.identity.variant.fit

    @property
    def made_for(self) -> MadeFor:
        """What a file of embeds says of this adapter; the file's hash is made when it is asked for."""
        identity = self.identity
        return MadeFor(self.name, identity.variant.name, identity.family.name, sha256_of(self.path))

    def is_dynamic(self) -> bool:
        """Whether the host loads the weights on demand (it asks objects that carry a `.patcher`)."""
        return self.patcher.is_dynamic()

    def feature_width(self, feature: str) -> int:
        """The width F of a feature that the projection reads."""
        width = FEATURES[feature].width(self._projection_shapes)
        if width is None:
            raise ValueError(f"{self.label} does not read {feature}.")
        return width

    def check(self, embeds: Embeds) -> None:
        """Raise ValueError when these embeds are not what the projection reads, saying what is needed."""
        if not embeds.count:
            raise ValueError("the embeds are empty: there is no picture in them.")
        for feature in self.features:
            if feature not in embeds.names and self.identity.variant.encoder_feature == feature:
                raise ValueError(self._lacks(feature, embeds))
            if not bool(torch.isfinite(embeds.feature(feature)).all()):
                raise ValueError(
                    f"the reference's {feature} contains NaN or infinity: the file of the "
                    f"encoder ({embeds.encoder or 'none is named'}) or of the face models is damaged, or it ran at a "
                    "precision that is too low."
                )
            found, wanted = embeds.feature(feature).shape[-1], self.feature_width(feature)
            if found != wanted:
                needed = " or ".join(f"{e.label} ({e.file})" for e in encoders_for(feature, wanted))
                raise ValueError(
                    f"'{self.name}' ({self.label}) reads {feature} of width {wanted}"
                    f"{', from ' + needed if needed else ''}; the connected CLIP vision is {embeds.encoder} and "
                    f"gives {found}. Connect the encoder that fits; it belongs in models/clip_vision."
                )

    def _lacks(self, feature: str, embeds: Embeds) -> str:
        """What to do where an encoder did not give the feature: it is one of SigLIP's without its head, or a recogniser."""
        given = (
            f"the embeds contain {' and '.join(embeds.names) or 'nothing'}, made by {embeds.encoder or 'no encoder'}"
        )
        needed = " or ".join(f"{e.label} ({e.file})" for e in encoders_for(feature, self.feature_width(feature)))
        return (
            f"'{self.name}' ({self.label}) reads {feature}; {given}. ComfyUI's loader leaves out the head of SigLIP that "
            f"makes it: leave 'clip_vision' unconnected, and the file with the head is read from models/clip_vision"
            f"{': ' + needed if needed else ''}."
        )

    def tokens(self, embeds: Embeds, shortcut_scale: float = 1.0, together: bool = False) -> Tensor:
        """Image tokens (n, T, C) of n pictures, float32, on the intermediate device.

        `shortcut_scale` is for FaceID plus v2 alone: the factor of the tokens from the face's picture. `together` is for
        adapters whose projection makes several photos one reference: (1, T, C).
        """
        self.check(embeds)
        features = [embeds.feature(name) for name in self.features]
        variant = self.identity.variant
        options: dict[str, float | bool] = {}
        if variant.options.get("shortcut"):
            options["shortcut_scale"] = shortcut_scale
        if variant.joins_photos:
            options["together"] = together
        key = (digest(*features), *options.items())
        return self._tokens.get(key, lambda: self._tokens_of(features, options))

    def _tokens_of(self, features: Sequence[Tensor], options: Mapping[str, float | bool]) -> Tensor:
        comfy.model_management.load_models_gpu([self.patcher], memory_required=self._largest)
        given = [feature.to(self.patcher.load_device, torch.float32) for feature in features]
        return self.module.projection(*given, **options).to(comfy.model_management.intermediate_device())

    def key_values(self, tokens: Tensor, picture_tokens: int, dtype: torch.dtype = torch.float32) -> Source:
        """Keys and values of tokens (n, T, C) in every layer, made once for the same tokens and kept as `dtype`.

        Above a budget they are not kept but made again for the pictures that each call of the model needs.
        `picture_tokens` says how many consecutive tokens are one picture's.
        """
        if not self._layers:
            raise ValueError(
                f"'{self.name}' is {self.label}, which has no branch of its own: it acts through its IdentityNet alone. Use "
                "Apply InstantID or Apply IdentityNet with it."
            )
        if tokens.shape[-1] != self.context_dim:
            raise ValueError(
                f"'{self.name}' ({self.label}) makes image tokens of width {tokens.shape[-1]}, but its own layers read "
                f"{self.context_dim}: it needs a model that projects its text from {tokens.shape[-1]} to {self.context_dim}, "
                "as Kolors does."
            )
        numbers = tokens.shape[0] * tokens.shape[1] * self._numbers_per_token
        if len(tokens) > 1 and numbers * dtype.itemsize > KEPT_BUDGET:
            return KeyValuesOnDemand(tokens, tuple(self._layers), self._project, picture_tokens)
        key = (digest(tokens), picture_tokens, dtype)
        return self._cache.get(key, lambda: self._project_all(tokens, picture_tokens, dtype))

    def key_values_by_time(
        self, embeds: Embeds, per_frame: bool, dtype: torch.dtype = torch.float32
    ) -> KeyValuesByTime:
        """Keys and values of n pictures in every layer, made for the timestep of each step and kept as `dtype`.

        Each picture is an entry with `per_frame`, else all are one. For adapters whose projection is told the time.
        """
        self.check(embeds)
        (features,) = (embeds.feature(name).float() for name in self.features)
        tokens = self._projection_shapes["latents"][1]
        count, together = (len(features), 1) if per_frame else (1, len(features))

        def make(pictures: Tensor, time: float, device: torch.device) -> Source:
            return self._at_time(pictures, time, device, dtype, per_frame)

        return KeyValuesByTime(features, tuple(self._layers), count, together * tokens, tokens, make, self.patcher)

    @torch.no_grad()
    def _at_time(
        self, features: Tensor, time: float, device: torch.device, dtype: torch.dtype, per_frame: bool
    ) -> Source:
        """Keys and values of features (n, L, F) at a timestep; on demand for each call where they are more than is kept.

        Computed on `device`, which every weight is cast to: nothing is loaded here, in the middle of a step.
        """
        made, embedding = self.module.projection(features.to(device), torch.tensor([time], device=device))
        entries: Tensor = made if per_frame else made.flatten(0, 1)[None]
        picture_tokens: int = made.shape[1]

        def project(block: BlockKey, tokens: Tensor) -> Pair:
            comfy.model_management.throw_exception_if_processing_interrupted()
            return self._project(block, self.module.told_the_time(str(self._layers[block]), tokens, embedding))

        numbers = entries.shape[0] * entries.shape[1] * self._numbers_per_token
        if len(entries) > 1 and numbers * dtype.itemsize > KEPT_BUDGET:
            return KeyValuesOnDemand(entries, tuple(self._layers), project, picture_tokens)
        shape = entries.shape[0], entries.shape[1]
        return KeyValues.filled(
            self._widths, shape, picture_tokens, lambda block: project(block, entries), device, dtype
        )

    @property
    def nothing(self) -> NoTokens:
        """In place of the keys and values of a reference, where there is none."""
        return NoTokens(self._widths)

    @property
    def _widths(self) -> dict[BlockKey, int]:
        return {block: self.layers.shapes[index].width for block, index in self._layers.items()}

    def release(self) -> None:
        """Release the weights' memory to the host: once keys and values exist, sampling needs no adapter weights."""
        loaded: Sequence[Any] = comfy.model_management.current_loaded_models
        # Unloading makes the host empty the GPU's cache, so ask for it only when there is something to unload.
        if any(entry.model is self.patcher for entry in loaded):
            comfy.model_management.unload_model_and_clones(self.patcher)

    def _project_all(self, tokens: Tensor, picture_tokens: int, dtype: torch.dtype) -> KeyValues:
        comfy.model_management.load_models_gpu([self.patcher])
        tokens = tokens.to(self.patcher.load_device, torch.float32)

        def make(block: BlockKey) -> Pair:
            comfy.model_management.throw_exception_if_processing_interrupted()
            return self._project(block, tokens)

        keep = comfy.model_management.intermediate_device()
        shape = tokens.shape[0], tokens.shape[1]
        return KeyValues.filled(self._widths, shape, picture_tokens, make, keep, dtype)

    def _project(self, block: BlockKey, tokens: Tensor) -> Pair:
        return self.module.key_value(str(self._layers[block]), tokens)
