"""Brings an oracle's adapter into the pack as a user would: a file, loaded, applied by the node."""

from pathlib import Path

from oracles.adapters import Adapter, Use
from pack.attention.adapter.adapter import Adapter as LoadedFile
from pack.attention.adapter.checkpoint import read
from pack.attention.reference.embeds import Embeds
from pack.attention.weights.layer_weights import LayerWeights
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.wires import LoadedAdapter

# Files whose keys fit two variants; ours are not the published bytes, so a user would set the kind.
UNDECIDED = ("faceid_plus", "faceid_plus_v2", "instantid", "portrait_unnorm")


class Loader:
    """Loads each oracle adapter once, from a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loaded: dict[int, LoadedAdapter] = {}

    def load(self, adapter: Adapter, suffix: str = ".safetensors") -> LoadedAdapter:
        key = id(adapter)
        if key not in self.loaded:
            path = adapter.save(self.folder / f"{len(self.loaded)}{suffix}")
            variant = getattr(adapter, "variant", "auto")
            kind = variant if variant in UNDECIDED else "auto"
            self.loaded[key] = LoadedAdapter(LoadedFile(read(path), kind))
        return self.loaded[key]

    def steered(self, patcher, uses: list[Use], **inputs):
        """The patcher with every use applied by the node, one after the other."""
        for each in uses:
            (patcher,) = ApplyIPAdapter.execute(
                model=patcher,
                adapter=self.load(each.adapter),
                weight=each.scale,
                embeds=Embeds(**each.positive),
                negative_embeds=Embeds(**each.negative),
                **inputs,
            ).args
        return patcher

    def steered_flux(self, patcher, uses, **inputs):
        """As `steered`, for uses of `oracles.flux`, which are of adapters that are read by their names."""
        for each in uses:
            (patcher,) = ApplyIPAdapter.execute(
                model=patcher,
                adapter=self.load(each.adapter),
                weight=each.scale,
                embeds=Embeds(image_embeds=each.positive),
                negative_embeds=Embeds(image_embeds=each.negative),
                **inputs,
            ).args
        return patcher

    def steered_instantx(self, patcher, uses, **inputs):
        """As `steered`, for uses of `oracles.instantx`."""
        for each in uses:
            kind = "instantx_k_and_v" if each.normed == "kv" else "auto"
            away = {} if each.negative is None else {"negative_embeds": Embeds(image_embeds=each.negative)}
            (patcher,) = ApplyIPAdapter.execute(
                model=patcher,
                adapter=LoadedAdapter(LoadedFile(read(each.adapter.save(self.folder / f"{id(each.adapter)}")), kind)),
                weight=each.scale if isinstance(each.scale, float) else 1.0,
                layers=None if isinstance(each.scale, float) else LayerWeights("flux_all", tuple(each.scale)),
                embeds=Embeds(image_embeds=each.positive),
                **away,
                **inputs,
            ).args
        return patcher

    def steered_sd3(self, patcher, each, **inputs):
        """The patcher with a use of `oracles.sd3` applied by the node."""
        by_block = not isinstance(each.scale, float)
        return ApplyIPAdapter.execute(
            model=patcher,
            adapter=self.load(each.adapter),
            weight=1.0 if by_block else each.scale,
            layers=LayerWeights("sd35l", tuple(each.scale)) if by_block else None,
            embeds=Embeds(penultimate=each.positive),
            negative_embeds=Embeds(penultimate=each.negative),
            **inputs,
        ).args[0]
