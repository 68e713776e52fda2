"""One guided step of a small model, in which everything that ComfyUI hands to patches and wrappers is kept."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

_PLACE = ("middle", 0, 0)


@cache
def model() -> Any:
    """SD1.5's layout, narrow, with random weights."""
    from miniature import models

    return models.unet("sd15", 1)


class Witness:
    """What a run's wrappers were given, each as a tuple without the executor; `patched` is the tensors and the options.

    `conds` and `levels` are what the guider of the run held while it ran: its conditionings, and the noise levels at its
    start and end.
    """

    def __init__(self) -> None:
        self.token = (object(),)
        self.sampled: tuple[Any, ...] = ()
        self.conds: dict[str, list[dict[str, Any]]] = {}
        self.levels = (0.0, 0.0)
        self.stepped: tuple[Any, ...] = ()
        self.called: tuple[Any, ...] = ()
        self.patched: tuple[tuple[Tensor, ...], dict[str, Any]] = ((), {})

    def watching(self, watched: Any) -> Any:
        """A clone of a model that tells this witness."""
        from comfy.patcher_extension import WrappersMP, add_wrapper_with_key

        clone = watched.clone()
        clone.model_options.setdefault("transformer_options", {})["likeness_check"] = self.token
        for kind, wrapper in (
            (WrappersMP.SAMPLER_SAMPLE, self._sample),
            (WrappersMP.CALC_COND_BATCH, self._step),
            (WrappersMP.APPLY_MODEL, self._apply),
        ):
            add_wrapper_with_key(kind, "likeness_check", wrapper, clone.model_options, is_model_options=True)
        return clone

    def _sample(self, executor: Callable[..., Any], *given: Any) -> Any:
        guider = given[0]
        self.sampled = given
        self.conds = {name: [dict(entry) for entry in entries] for name, entries in guider.conds.items()}
        sigma = guider.inner_model.model_sampling.percent_to_sigma
        self.levels = float(sigma(0.0)), float(sigma(1.0))
        return executor(*given)

    def _step(self, executor: Callable[..., Any], *given: Any) -> Any:
        self.stepped = given
        return executor(*given)

    def _apply(self, executor: Callable[..., Any], *given: Any, **named: Any) -> Any:
        self.called = given
        options = {**given[5], "patches_replace": {"attn2": {_PLACE: self._patch}}}
        return executor(*given[:5], options, *given[6:], **named)

    def _patch(self, q: Tensor, k: Tensor, v: Tensor, options: dict[str, Any]) -> Tensor:
        import comfy.ldm.modules.attention as attention

        self.patched = (q, k, v), options
        return attention.optimized_attention(
            q, k, v, options["n_heads"], attn_precision=options.get("attn_precision"), transformer_options=options
        )

    def run(self, sampled: Any) -> Tensor:
        """One step of two pictures of 64 pixels, guided."""
        import comfy.sample

        text = [torch.randn(1, 77, 64, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
        positive, negative = ([[each, {}]] for each in text)
        latent = torch.zeros(2, 4, 8, 8)
        noise = comfy.sample.prepare_noise(latent, 3)
        return comfy.sample.sample(
            sampled, noise, 1, 5.0, "euler", "normal", positive, negative, latent, disable_pbar=True, seed=3
        )


@cache
def witnessed() -> Witness:
    """A witness of one run."""
    witness = Witness()
    witness.run(witness.watching(model()))
    return witness
