"""Guides by what the references change: a second call of the model without them at every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import comfy.samplers
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..branch.redux import Conditioning, without_references
from ..inputs import check_number
from ..weights.schedule import WHOLE, Range

WITHOUT = "positive without references"
"""The guider's name for the prompt that has none; it is on the positive side."""
_BATCH = "sampler_calc_cond_batch_function"
"""The host's option for what calls the model with all conditionings of a step."""
Batch = Callable[[Mapping[str, Any]], list[Tensor]]


class ReferenceGuider(comfy.samplers.CFGGuider):
    """CFG in which the positive prediction is without + scale * (with - without) references.

    Scale 1 is the host's own guider to the bit, and nothing is called twice; 0 is the host's own without references. So
    it is outside of `when`, at scale 1. At any other scale the prompt without references is one more row of work, in a
    call of its own, as its rows have other tokens.
    """

    def __init__(self, model: ModelPatcher, scale: float, when: Range = WHOLE) -> None:
        super().__init__(model)
        check_number(scale, "reference_scale")
        self._scale = scale
        self._when = when

    def set_prompts(self, positive: Conditioning, negative: Conditioning | None) -> None:
        """Raises ValueError where a positive prompt has no references, or its Redux pictures cannot be taken out."""
        conds = {"positive": positive, WITHOUT: without_references(positive)}
        self.inner_set_conds(conds if negative is None else {**conds, "negative": negative})

    def predict_noise(
        self, x: Tensor, timestep: Tensor, model_options: Mapping[str, Any] | None = None, seed: int | None = None
    ) -> Tensor:
        options = dict(model_options or {})
        if self._scale == 1 or not self._acts(timestep):
            return super().predict_noise(x, timestep, options, seed)
        return cast(Tensor, super().predict_noise(x, timestep, {**options, _BATCH: self._mixed(options)}, seed))

    def _acts(self, timestep: Tensor) -> bool:
        if self._when == WHOLE:
            return True
        sigma = cast(Any, self.inner_model).model_sampling.percent_to_sigma
        return sigma(self._when.end) <= float(timestep[0]) <= sigma(self._when.start)

    def _mixed(self, options: dict[str, Any]) -> Batch:
        """Calls the model with one prompt more, and gives what the host expects of its two."""
        former: Batch | None = options.get(_BATCH)

        def batch(args: Mapping[str, Any]) -> list[Tensor]:
            positive, negative = args["conds"]
            conds: list[Any] = [positive if self._scale else None, negative, self.conds[WITHOUT]]
            if former is None:
                made = comfy.samplers.calc_cond_batch(args["model"], conds, args["input"], args["sigma"], options)
            else:
                made = former({**args, "conds": conds, "model_options": options})
            with_them, negative_made, without = made
            if not self._scale:
                return [without, negative_made]
            return [without + self._scale * (with_them - without), negative_made]

        return batch
