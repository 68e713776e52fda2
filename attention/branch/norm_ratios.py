"""How a model's own normed queries and keys become those of an adapter that norms them by itself."""

from __future__ import annotations

from collections.abc import Mapping

from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..adapter.adapter import Adapter
from ..adapter.key_values import Pair
from ..models.families import BlockKey
from ..models.mmdit_blocks import picture_norms


def norm_ratios(adapter: Adapter, model: ModelPatcher) -> Mapping[BlockKey, Pair]:
    """What to multiply a picture's queries and keys in each head by, (d) each for every block; empty for other adapters.

    Both norm to a root mean square of 1 and then multiply each channel by a weight: n_a(x) = n_m(x) * w_a / w_m, exact but
    for the rounding. The model's weights are read from this clone. Raises ValueError where one of them is 0.
    """
    return {block: _ratios(adapter, block, picture_norms(model, block)) for block in adapter.picture_norms}


def _ratios(adapter: Adapter, block: BlockKey, of_model: Pair) -> Pair:
    query, key = (
        _ratio(adapter.name, block, name, wanted, has)
        for name, wanted, has in zip(("ln_q", "ln_k"), adapter.picture_norms[block], of_model, strict=True)
    )
    return query, key


def _ratio(file: str, block: BlockKey, name: str, wanted: Tensor, has: Tensor) -> Tensor:
    if wanted.shape != has.shape:
        raise ValueError(
            f"'{file}' was made for heads of {len(wanted)} channels; the connected model has heads of {len(has)}. Connect SD3.5 Large."
        )
    zeros = (has == 0).nonzero()
    if len(zeros):
        raise ValueError(
            f"'{file}' reads the picture's queries and keys as they are before the model's own norm, but the connected model's "
            f"{name} of joint block {block[1]} is 0 in channel {int(zeros[0])} and leaves nothing to read. Connect a model "
            "whose norms are whole, such as the published SD3.5 Large."
        )
    return wanted / has
